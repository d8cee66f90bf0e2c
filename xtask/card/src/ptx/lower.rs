//! The state of decoding: slots, constants, labels, and the steps so far.

use std::collections::HashMap;

use super::module::Module;
use super::names::{Meaning, Names};
use super::operand::Operand;
use super::types::Type;
use super::variable::Space;
use crate::machine::{Code, Place, Program, Slot, Step, Work, own, step, work};

/// What decoding has come to.
pub(super) struct Lowering<'a> {
    pub(super) module: &'a Module,
    pub(super) addresses: &'a HashMap<String, u64>,
    pub(super) program: Program,
    pub(super) names: Names,
    /// Before the labels of the function that is being written out.
    pub(super) prefix: String,
    pub(super) labels: HashMap<String, usize>,
    pub(super) tables: HashMap<String, Vec<String>>,
    /// Steps that jump, and where.
    pub(super) jumps: Vec<(usize, String)>,
    /// Calls that are being written out, against functions that call themselves.
    pub(super) calls: Vec<String>,
    pub(super) written: usize,
    constants: HashMap<u64, Slot>,
    dynamic: Option<Slot>,
    used_tables: Vec<Vec<String>>,
    /// Shared variables of the module that were met.
    shared: HashMap<String, Meaning>,
}

/// A memory operand: where, the slot of its address, and what is added.
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) base: Slot,
    pub(super) offset: i32,
}

pub(super) type Result<T> = std::result::Result<T, String>;

impl<'a> Lowering<'a> {
    pub(super) fn new(module: &'a Module, addresses: &'a HashMap<String, u64>) -> Self {
        Self {
            module,
            addresses,
            program: Program::default(),
            names: Names::new(),
            prefix: String::new(),
            labels: HashMap::new(),
            tables: HashMap::new(),
            jumps: Vec::new(),
            calls: Vec::new(),
            written: 0,
            constants: HashMap::new(),
            dynamic: None,
            used_tables: Vec::new(),
            shared: HashMap::new(),
        }
    }

    pub(super) fn label(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn emit(&mut self, step: Step) {
        self.program.steps.push(step);
        self.program.lines.push(self.program.texts.len().saturating_sub(1) as u32);
    }

    /// A step that works on slots alone.
    pub(super) fn work(&mut self, work: Work, d: Slot, operands: [Slot; 3]) {
        let [a, b, c] = operands;
        self.emit(Step { d, a, b, c, ..step(Code::Work(work)) });
    }

    pub(super) fn jump(&mut self, code: fn(u32) -> Code, a: Slot, label: &str) {
        let label = self.label(label);
        self.jumps.push((self.program.steps.len(), label));
        self.emit(Step { a, ..step(code(0)) });
    }

    /// An instruction that runs only if its predicate says so: a jump over it, or the jump itself.
    pub(super) fn guarded(&mut self, guard: Option<&(String, bool)>, name: &str, operands: &[Operand]) -> Result<()> {
        let Some((predicate, negated)) = guard else {
            return self.instruction(name, operands);
        };
        let a = self.register(predicate)?;
        if let (true, [Operand::Name(label)]) = (name == "bra" || name == "bra.uni", operands) {
            self.jump(if *negated { Code::JumpUnless } else { Code::JumpIf }, a, label);
            return Ok(());
        }
        let at = self.program.steps.len();
        self.emit(Step { a, ..step(Code::Exit) });
        self.instruction(name, operands)?;
        let after = self.program.steps.len() as u32;
        self.program.steps[at].code = if *negated { Code::JumpIf(after) } else { Code::JumpUnless(after) };
        Ok(())
    }

    pub(super) fn find(&mut self, name: &str) -> Result<Meaning> {
        if let Some(found) = self.names.find(name).or_else(|| self.shared.get(name).copied()) {
            return Ok(found);
        }
        if let Some(&address) = self.addresses.get(name) {
            return Ok(Meaning::Memory(Space::Global, address));
        }
        let variable =
            self.module.variables.iter().find(|variable| variable.name == name && variable.space == Space::Shared);
        let variable = variable.ok_or_else(|| format!("nothing is called `{name}`"))?;
        let meaning = if variable.size == 0 {
            Meaning::Dynamic
        } else {
            self.program.shared = self.program.shared.next_multiple_of(variable.align.max(1)) + variable.size;
            Meaning::Memory(Space::Shared, (self.program.shared - variable.size) as u64)
        };
        self.shared.insert(name.to_string(), meaning);
        Ok(meaning)
    }

    pub(super) fn register(&mut self, name: &str) -> Result<Slot> {
        match self.find(name) {
            _ if name == "_" => Ok(own::SINK),
            Ok(Meaning::Register(slot)) => Ok(slot),
            Ok(_) => Err(format!("`{name}` is no register")),
            Err(error) => Err(error),
        }
    }

    pub(super) fn constant(&mut self, value: u64) -> Result<Slot> {
        if let Some(&slot) = self.constants.get(&value) {
            return Ok(slot);
        }
        let slot = self.names.fresh(1)?;
        self.constants.insert(value, slot);
        self.program.constants.push((slot, value));
        Ok(slot)
    }

    /// The slot of a name: of a register, or of a constant that holds an address.
    fn named(&mut self, name: &str) -> Result<(Slot, Option<Space>)> {
        match self.find(name)? {
            Meaning::Register(slot) => Ok((slot, None)),
            Meaning::Memory(space, address) => Ok((self.constant(address)?, Some(space))),
            Meaning::Dynamic => {
                let slot = match self.dynamic {
                    Some(slot) => slot,
                    None => *self.dynamic.insert(self.names.fresh(1)?),
                };
                Ok((slot, Some(Space::Shared)))
            }
        }
    }

    /// An operand that is read.
    pub(super) fn source(&mut self, operand: &Operand, kind: Type) -> Result<Slot> {
        match operand {
            Operand::Name(name) => Ok(self.named(name)?.0),
            Operand::Number(number) => self.constant(number.bits(kind)),
            Operand::Not(name) => {
                let (a, d) = (self.register(name)?, self.names.fresh(1)?);
                self.work(work::not_predicate, d, [a, own::CARRY, own::CARRY]);
                Ok(d)
            }
            Operand::Address(Some(name), offset) => {
                let (base, offset) = (self.named(name)?.0, self.constant(*offset as u64)?);
                let d = self.names.fresh(1)?;
                self.work(work::add_address, d, [base, offset, own::CARRY]);
                Ok(d)
            }
            _ => Err(format!("an operand that cannot be read: {operand:?}")),
        }
    }

    /// An operand that is written.
    pub(super) fn result(&mut self, operand: &Operand) -> Result<Slot> {
        match operand {
            Operand::Name(name) => self.register(name),
            _ => Err(format!("an operand that cannot be written: {operand:?}")),
        }
    }

    /// An operand in memory, of an instruction for `space`.
    pub(super) fn target(&mut self, operand: &Operand, space: Space) -> Result<Target> {
        let Operand::Address(name, offset) = operand else {
            return Err(format!("an operand that is no address: {operand:?}"));
        };
        let (base, found) = match name {
            Some(name) => self.named(name)?,
            None => (self.constant(0)?, None),
        };
        let place = match found.unwrap_or(space) {
            Space::Generic => Place::Generic,
            Space::Global => Place::Global,
            Space::Shared => Place::Shared,
            Space::Local => Place::Local,
            Space::Param => Place::Param,
        };
        let offset = i32::try_from(*offset).map_err(|_| format!("an offset of {offset}"))?;
        Ok(Target { place, base, offset })
    }

    pub(super) fn table(&mut self, label: &str) -> Result<u32> {
        let targets = self.tables.get(&self.label(label)).ok_or_else(|| format!("no targets are called `{label}`"))?;
        self.used_tables.push(targets.clone());
        Ok(self.used_tables.len() as u32 - 1)
    }

    /// Puts in what is known only at the end: targets of jumps, and where dynamic shared memory begins.
    pub(super) fn finish(mut self) -> Result<Program> {
        let labels = &self.labels;
        let find = |label: &String| labels.get(label).map(|&at| at as u32).ok_or_else(|| format!("no label `{label}`"));
        for (at, label) in &self.jumps {
            let to = find(label)?;
            let code = &mut self.program.steps[*at].code;
            *code = match *code {
                Code::JumpIf(_) => Code::JumpIf(to),
                Code::JumpUnless(_) => Code::JumpUnless(to),
                _ => Code::Jump(to),
            };
        }
        for table in &self.used_tables {
            self.program.tables.push(table.iter().map(find).collect::<Result<_>>()?);
        }
        self.program.shared = self.program.shared.next_multiple_of(16);
        if let Some(slot) = self.dynamic {
            self.program.constants.push((slot, self.program.shared as u64));
        }
        self.program.slots = self.names.slots();
        self.program.waits =
            self.program.steps.iter().any(|step| matches!(step.code, Code::Warp { .. } | Code::Barrier(_)));
        Ok(self.program)
    }
}
