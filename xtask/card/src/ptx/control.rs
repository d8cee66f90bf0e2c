//! Branches, calls, and what threads do together.

use super::lower::{Lowering, Result};
use super::names::Meaning;
use super::operand::Operand;
use super::types::Type;
use super::variable::Space;
use crate::machine::{Barrier, Code, Place, Slot, Step, Warp, bits, own, step, work};

/// The label behind a function that is written out in place.
const END: &str = "the end";

impl Lowering<'_> {
    /// One instruction, by its name with all suffixes.
    pub(super) fn instruction(&mut self, full: &str, operands: &[Operand]) -> Result<()> {
        let parts: Vec<&str> = full.split('.').collect();
        let (name, suffixes) = (parts[0], &parts[1..]);
        match (name, operands) {
            ("bra", [Operand::Name(label)]) => self.jump(Code::Jump, own::CARRY, label),
            ("brx", [index, Operand::Name(label)]) => {
                let (a, table) = (self.source(index, Type::U32)?, self.table(label)?);
                self.emit(Step { a, ..step(Code::JumpTable(table)) });
            }
            ("ret", []) if !self.calls.is_empty() => self.jump(Code::Jump, own::CARRY, END),
            ("ret" | "exit", []) => self.emit(step(Code::Exit)),
            ("trap", []) => self.emit(step(Code::Trap)),
            ("call", _) => return self.call(operands),
            ("bar" | "barrier", _) => return self.barrier(suffixes, operands),
            ("shfl" | "vote" | "redux" | "match", _) if suffixes.contains(&"sync") => {
                return self.warp(name, suffixes, operands);
            }
            // Threads of a warp need not be together; here each is alone until it meets the others.
            ("activemask", [result]) => {
                let d = self.result(result)?;
                self.work(work::copy, d, [own::MASKS, own::CARRY, own::CARRY]);
            }
            // Here everything that was written is seen at once, and nothing is cached.
            ("membar" | "fence" | "prefetch" | "prefetchu" | "nanosleep" | "discard" | "applypriority", _) => {}
            _ => {
                return match self.transfer(name, suffixes, operands) {
                    Some(done) => done,
                    None => self.compute(name, suffixes, operands),
                };
            }
        }
        Ok(())
    }

    fn barrier(&mut self, suffixes: &[&str], operands: &[Operand]) -> Result<()> {
        let suffixes: Vec<&str> =
            suffixes.iter().copied().filter(|part| *part != "cta" && *part != "aligned").collect();
        if let (["warp", "sync"], [mask]) = (suffixes.as_slice(), operands) {
            let mask = self.source(mask, Type::B32)?;
            self.emit(step(Code::Warp { how: Warp::Wait, mask }));
            return Ok(());
        }
        let (how, result, rest) = match (suffixes.as_slice(), operands) {
            (["sync"], rest) => (Barrier::Sync, None, rest),
            (["red", "popc", "u32"], [result, rest @ ..]) => (Barrier::Count, Some(result), rest),
            (["red", "and", "pred"], [result, rest @ ..]) => (Barrier::And, Some(result), rest),
            (["red", "or", "pred"], [result, rest @ ..]) => (Barrier::Or, Some(result), rest),
            _ => return Err("an instruction that is not known here".into()),
        };
        let (rest, a) = match (result, rest) {
            (Some(_), [rest @ .., predicate]) => (rest, self.source(predicate, Type::Pred)?),
            _ => (rest, own::CARRY),
        };
        let d = result.map_or(Ok(own::SINK), |result| self.result(result))?;
        let zero = self.constant(0)?;
        let (mut b, mut c) = (zero, zero);
        if let [number, rest @ ..] = rest {
            b = self.source(number, Type::U32)?;
            c = rest.first().map_or(Ok(c), |count| self.source(count, Type::U32))?;
        }
        self.emit(Step { d, a, b, c, ..step(Code::Barrier(how)) });
        Ok(())
    }

    fn warp(&mut self, name: &str, suffixes: &[&str], operands: &[Operand]) -> Result<()> {
        let unknown = || "an instruction that is not known here".to_string();
        let parts: Vec<&str> = suffixes.iter().copied().filter(|part| *part != "sync").collect();
        let kind = parts.last().and_then(|part| Type::parse(part)).ok_or_else(unknown)?;
        let how = match (name, parts.as_slice()) {
            ("shfl", ["up", "b32"]) => Warp::Up,
            ("shfl", ["down", "b32"]) => Warp::Down,
            ("shfl", ["bfly", "b32"]) => Warp::Butterfly,
            ("shfl", ["idx", "b32"]) => Warp::Index,
            ("vote", ["all", "pred"]) => Warp::All,
            ("vote", ["any", "pred"]) => Warp::Any,
            ("vote", ["uni", "pred"]) => Warp::Uniform,
            ("vote", ["ballot", "b32"]) => Warp::Ballot,
            ("match", ["any", _]) => Warp::Match(bits(kind)),
            ("redux", [operation, _]) => Warp::Reduce(work::change(operation, kind).ok_or_else(unknown)?),
            _ => return Err(unknown()),
        };
        let [result, sources @ .., mask] = operands else {
            return Err(unknown());
        };
        let (d, e) = match result {
            Operand::Pair(first, second) => (self.register(first)?, self.register(second)?),
            other => (self.result(other)?, own::SINK),
        };
        let kind = if name == "vote" { Type::Pred } else { Type::B32 };
        let mut read: [Slot; 3] = [own::CARRY; 3];
        for (slot, source) in read.iter_mut().zip(sources) {
            *slot = self.source(source, kind)?;
        }
        let [a, b, c] = read;
        let mask = self.source(mask, Type::B32)?;
        self.emit(Step { d, e, a, b, c, ..step(Code::Warp { how, mask }) });
        Ok(())
    }

    /// A call: the function is written out in place, its parameters are those that the caller has in local memory.
    fn call(&mut self, operands: &[Operand]) -> Result<()> {
        let (results, name, taken) = match operands {
            [Operand::List(results), Operand::Name(name), Operand::List(taken), ..] => {
                (results.as_slice(), name, taken.as_slice())
            }
            [Operand::Name(name), Operand::List(taken), ..] => (&[][..], name, taken.as_slice()),
            [Operand::Name(name)] => (&[][..], name, &[][..]),
            _ => return Err("a call that is not known here".into()),
        };
        if name == "__assertfail" {
            return self.assertion(taken);
        }
        let function = self.module.functions.get(name).ok_or_else(|| format!("there is no function `{name}`"))?;
        if function.body.is_empty() {
            return Err(format!("the function `{name}` has no body here"));
        }
        if self.calls.contains(name) {
            return Err(format!("the function `{name}` calls itself"));
        }
        if function.parameters.len() != taken.len() || function.returns.len() != results.len() {
            return Err(format!("the function `{name}` has other parameters"));
        }
        let mut meanings = Vec::new();
        for (operand, variable) in results.iter().zip(&function.returns).chain(taken.iter().zip(&function.parameters)) {
            let Operand::Name(given) = operand else {
                return Err("a call with what is no parameter".into());
            };
            meanings.push((variable.name.clone(), self.find(given)?));
        }
        let around = self.names.enter();
        for (name, meaning) in meanings {
            self.names.declare(&name, meaning);
        }
        self.calls.push(name.clone());
        self.written += 1;
        let prefix = format!("{}/", self.written);
        self.body(function, &prefix)?;
        self.calls.pop();
        self.labels.insert(format!("{prefix}{END}"), self.program.steps.len());
        self.names.leave(around);
        Ok(())
    }

    /// A failed `assert`: message, file, line, function, size of a character.
    fn assertion(&mut self, taken: &[Operand]) -> Result<()> {
        let mut slots = [own::CARRY; 3];
        for ((slot, operand), size) in slots.iter_mut().zip(taken).zip([8, 8, 4]) {
            let Operand::Name(name) = operand else {
                return Err("a call with what is no parameter".into());
            };
            let Meaning::Memory(Space::Local, at) = self.find(name)? else {
                return Err("a call with what is no parameter".into());
            };
            let (d, a) = (self.names.fresh(1)?, self.constant(at)?);
            self.emit(Step { d, a, ..step(Code::Load { place: Place::Local, size, align: size, signed: false }) });
            *slot = d;
        }
        let [a, b, c] = slots;
        self.emit(Step { a, b, c, ..step(Code::Assert) });
        Ok(())
    }
}
