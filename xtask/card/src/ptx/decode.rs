//! From the text of a kernel to its [`Program`].

use std::collections::HashMap;

use super::body::{Statement, statements};
use super::lower::Lowering;
use super::module::{Function, Module};
use super::names::Meaning;
use super::variable::{Space, Variable};
use crate::machine::{Code, Parameter, Program, step};

/// Decodes the kernel `name`; `addresses` are those of the variables of the module.
///
/// # Errors
///
/// A text that says which statement is not understood.
pub(crate) fn decode(module: &Module, name: &str, addresses: &HashMap<String, u64>) -> Result<Program, String> {
    let entry = module.entries.get(name).ok_or_else(|| format!("there is no kernel `{name}`"))?;
    let mut lowering = Lowering::new(module, addresses);
    let mut offset = 0usize;
    for parameter in &entry.parameters {
        offset = offset.next_multiple_of(parameter.align.max(1));
        lowering.names.declare(&parameter.name, Meaning::Memory(Space::Param, offset as u64));
        lowering.program.parameters.push(Parameter { offset, size: parameter.size });
        offset += parameter.size;
    }
    lowering.program.name = name.to_string();
    lowering.body(entry, "")?;
    lowering.emit(step(Code::Exit));
    lowering.finish()
}

impl Lowering<'_> {
    /// Lowers a body; labels in it begin with `prefix`.
    pub(super) fn body(&mut self, function: &Function, prefix: &str) -> Result<(), String> {
        let before = std::mem::replace(&mut self.prefix, prefix.to_string());
        let all = statements(&function.body)?;
        let mut label = String::new();
        for statement in all {
            match statement {
                Statement::Open => self.names.open(),
                Statement::Close => self.names.close(),
                Statement::Label(name) => {
                    label = name;
                    let full = self.label(&label);
                    self.labels.insert(full, self.program.steps.len());
                }
                Statement::Registers(list) => {
                    for (name, count) in list {
                        self.names.registers(&name, count)?;
                    }
                }
                Statement::Variable(variable) => self.variable(&variable),
                Statement::Table(targets) => {
                    let (full, targets) = (self.label(&label), targets.iter().map(|name| self.label(name)).collect());
                    self.tables.insert(full, targets);
                }
                Statement::Instruction { guard, name, operands, text } => {
                    self.program.texts.push(text.clone());
                    self.guarded(guard.as_ref(), &name, &operands).map_err(|error| format!("`{text}`: {error}"))?;
                }
            }
        }
        self.prefix = before;
        Ok(())
    }

    fn variable(&mut self, variable: &Variable) {
        let align = variable.align.max(1);
        let meaning = match variable.space {
            Space::Shared if variable.size == 0 => Meaning::Dynamic,
            Space::Shared => {
                self.program.shared = self.program.shared.next_multiple_of(align) + variable.size;
                Meaning::Memory(Space::Shared, (self.program.shared - variable.size) as u64)
            }
            // Parameters of calls lie with what is local: calls are written out in place.
            _ => Meaning::Memory(Space::Local, self.local(variable)),
        };
        self.names.declare(&variable.name, meaning);
    }

    /// Room in local memory.
    pub(super) fn local(&mut self, variable: &Variable) -> u64 {
        let start = self.program.local.next_multiple_of(variable.align.max(1));
        self.program.local = start + variable.size;
        start as u64
    }
}
