//! What the compiler said, as evcxr tells it.

use candlelight_answers::compiler::{CompilerError, Note, Span};
use evcxr::CompilationError;

/// The errors, in their order.
pub fn errors(errors: &[CompilationError]) -> Vec<CompilerError> {
    errors.iter().map(error).collect()
}

fn error(error: &CompilationError) -> CompilerError {
    let notes = error.spanned_messages().iter().map(|message| Note {
        span: message.span.as_ref().map(|span| Span {
            start_line: span.start_line,
            start_column: span.start_column,
            end_line: span.end_line,
            end_column: span.end_column,
        }),
        label: message.label.clone(),
    });
    CompilerError {
        level: error.level().to_owned(),
        code: error.code().map(str::to_owned),
        message: error.message(),
        of_cell: error.is_from_user_code(),
        notes: notes.collect(),
        help: error.help(),
        hint: error.evcxr_extra_hint().map(str::to_owned),
    }
}
