//! The Markdown of questions as HTML: paragraphs, `code`, *emphasis* and formulas, which is all that questions use.

/// Escapes what HTML would take for markup.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Paragraphs, which blank lines part.
pub(super) fn paragraphs(text: &str) -> String {
    text.split("\n\n").map(|paragraph| format!("<p>{}</p>\n", inline(paragraph))).collect()
}

/// One line of text. Within code and formulas nothing else is markup.
pub(super) fn inline(text: &str) -> String {
    let (mut html, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['`', '$', '*']) {
        html += &escape(&rest[..at]);
        let mark = if rest[at..].starts_with("$$") { "$$" } else { &rest[at..=at] };
        let after = &rest[at + mark.len()..];
        let Some(end) = after.find(mark) else {
            // Nothing closes it: it stands for itself.
            html += mark;
            rest = after;
            continue;
        };
        let inner = escape(&after[..end]);
        html += &match mark {
            "`" => format!("<code>{inner}</code>"),
            "*" => format!("<em>{inner}</em>"),
            "$$" => format!("<span class=\"math\">\\[{inner}\\]</span>"),
            _ => format!("<span class=\"math\">\\({inner}\\)</span>"),
        };
        rest = &after[end + mark.len()..];
    }
    html + &escape(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_formulas_are_left_alone() {
        assert_eq!(inline("a < b and `a < *b*`"), "a &lt; b and <code>a &lt; *b*</code>");
        assert_eq!(inline("*so* $a_1 * b$"), "<em>so</em> <span class=\"math\">\\(a_1 * b\\)</span>");
        assert_eq!(inline("$$x$$"), "<span class=\"math\">\\[x\\]</span>");
        assert_eq!(inline("costs 5 $"), "costs 5 $");
        assert_eq!(paragraphs("a\n\nb"), "<p>a</p>\n<p>b</p>\n");
    }
}
