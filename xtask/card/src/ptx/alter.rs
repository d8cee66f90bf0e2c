//! Instructions that work on registers alone.

use super::lower::{Lowering, Result};
use super::operand::{Number, Operand};
use super::types::Type;
use crate::machine::work::{self, Wanted};
use crate::machine::{Code, Slot, Step, Work, own, step};

impl Lowering<'_> {
    /// Any instruction that is not about memory, branches and other threads.
    pub(super) fn compute(&mut self, name: &str, parts: &[&str], operands: &[Operand]) -> Result<()> {
        let types: Vec<Type> = parts.iter().filter_map(|part| Type::parse(part)).collect();
        let mut modes: Vec<&str> = parts.iter().copied().filter(|part| Type::parse(part).is_none()).collect();
        let flush = types.contains(&Type::F32) && take(&mut modes, "ftz");
        let saturate = types.first().is_some_and(|kind| kind.float()) && take(&mut modes, "sat");
        match (name, operands) {
            ("setp", [result, a, b, rest @ ..]) => {
                return self.compare(&modes, &types, flush, (result, a, b, rest.first()));
            }
            ("set", [result, a, b, rest @ ..]) if types.len() == 2 => {
                let p = self.names.fresh(1)?;
                self.compared(&modes, types[1], flush, p, (a, b, rest.first()))?;
                let yes = if types[0] == Type::F32 { 1f32.to_bits() } else { u32::MAX };
                let (yes, no, d) = (self.constant(u64::from(yes))?, self.constant(0)?, self.result(result)?);
                let choose = self.known(&Wanted { name: "selp", modes: Vec::new(), types: vec![Type::B32] })?;
                self.work(choose, d, [yes, no, p]);
                return Ok(());
            }
            ("bfi", [_, a, b, position, length]) => {
                let packed = self.names.fresh(1)?;
                let parts = [self.source(position, Type::U32)?, self.source(length, Type::U32)?, own::CARRY];
                self.work(work::pack, packed, parts);
                let (d, work) =
                    (self.result(&operands[0])?, self.known(&Wanted { name, modes, types: types.clone() })?);
                let sources = [self.source(a, types[0])?, self.source(b, types[0])?, packed];
                self.work(work, d, sources);
                return Ok(());
            }
            ("lop3", [result, a, b, c, Operand::Number(Number::Integer(table))]) => {
                let (d, work) = (self.result(result)?, self.known(&Wanted { name, modes, types })?);
                let [a, b, c] = [self.source(a, Type::B32)?, self.source(b, Type::B32)?, self.source(c, Type::B32)?];
                self.emit(Step { d, a, b, c, offset: *table as i32, ..step(Code::Work(work)) });
                return Ok(());
            }
            _ => {}
        }
        let [result, sources @ ..] = operands else {
            return Err(format!("`{name}` without operands"));
        };
        if sources.len() > 3 {
            return Err("an instruction that is not known here".into());
        }
        let work = self.known(&Wanted { name, modes, types: types.clone() })?;
        let mut slots = [own::CARRY; 3];
        for (at, source) in sources.iter().enumerate() {
            let kind = if name == "cvt" || (name == "slct" && at == 2) { types[types.len() - 1] } else { types[0] };
            slots[at] = self.source(source, kind)?;
            if flush && kind == Type::F32 {
                slots[at] = self.flushed(slots[at])?;
            }
        }
        let d = self.result(result)?;
        self.work(work, d, slots);
        if flush && types[0] == Type::F32 {
            self.work(work::flush, d, [d, own::CARRY, own::CARRY]);
        }
        if saturate {
            let work = work::saturate(types[0]).ok_or("an instruction that is not known here")?;
            self.work(work, d, [d, own::CARRY, own::CARRY]);
        }
        Ok(())
    }

    pub(super) fn known(&self, wanted: &Wanted<'_>) -> Result<Work> {
        work::find(wanted).ok_or_else(|| "an instruction that is not known here".into())
    }

    fn flushed(&mut self, a: Slot) -> Result<Slot> {
        let d = self.names.fresh(1)?;
        self.work(work::flush, d, [a, own::CARRY, own::CARRY]);
        Ok(d)
    }

    /// `setp`, with a second result that is its opposite, and a third operand that it is put together with.
    fn compare(
        &mut self,
        modes: &[&str],
        types: &[Type],
        flush: bool,
        (result, a, b, third): (&Operand, &Operand, &Operand, Option<&Operand>),
    ) -> Result<()> {
        let &[kind] = types else {
            return Err("an instruction that is not known here".into());
        };
        let (first, second) = match result {
            Operand::Pair(first, second) => (self.register(first)?, Some(self.register(second)?)),
            other => (self.result(other)?, None),
        };
        let Some(second) = second else {
            return self.compared(modes, kind, flush, first, (a, b, third));
        };
        // The second result is that of the opposite comparison, put together with the third in the same way.
        let plain: Vec<&str> = modes.iter().copied().filter(|mode| !is_join(mode)).collect();
        let (yes, no) = (self.names.fresh(1)?, self.names.fresh(1)?);
        self.compared(&plain, kind, flush, yes, (a, b, None))?;
        self.work(work::not_predicate, no, [yes, own::CARRY, own::CARRY]);
        let third = third.map(|third| self.source(third, Type::Pred)).transpose()?;
        for (d, from) in [(first, yes), (second, no)] {
            self.joined(modes, d, from, third)?;
        }
        Ok(())
    }

    fn compared(
        &mut self,
        modes: &[&str],
        kind: Type,
        flush: bool,
        d: Slot,
        (a, b, third): (&Operand, &Operand, Option<&Operand>),
    ) -> Result<()> {
        let plain: Vec<&str> = modes.iter().copied().filter(|mode| !is_join(mode)).collect();
        let (mut a, mut b) = (self.source(a, kind)?, self.source(b, kind)?);
        if flush && kind == Type::F32 {
            (a, b) = (self.flushed(a)?, self.flushed(b)?);
        }
        let third = third.map(|third| self.source(third, Type::Pred)).transpose()?;
        let to = if third.is_some() { self.names.fresh(1)? } else { d };
        let work = self.known(&Wanted { name: "setp", modes: plain, types: vec![kind] })?;
        self.work(work, to, [a, b, own::CARRY]);
        if third.is_some() { self.joined(modes, d, to, third) } else { Ok(()) }
    }

    /// d = from, or from and/or/xor the third.
    fn joined(&mut self, modes: &[&str], d: Slot, from: Slot, third: Option<Slot>) -> Result<()> {
        match (modes.iter().copied().find(|mode| is_join(mode)), third) {
            (Some(name), Some(third)) => {
                let work = self.known(&Wanted { name, modes: Vec::new(), types: vec![Type::Pred] })?;
                self.work(work, d, [from, third, own::CARRY]);
                Ok(())
            }
            (None, None) => {
                self.work(work::copy, d, [from, own::CARRY, own::CARRY]);
                Ok(())
            }
            _ => Err("a comparison with a third operand and no way to use it, or the reverse".into()),
        }
    }
}

fn is_join(mode: &str) -> bool {
    matches!(mode, "and" | "or" | "xor")
}

/// Whether `name` was among the modes, where it is no more.
fn take(modes: &mut Vec<&str>, name: &str) -> bool {
    let before = modes.len();
    modes.retain(|mode| *mode != name);
    modes.len() < before
}
