//! Instructions that move: between registers, between spaces, between registers and memory.

use super::lower::{Lowering, Result, Target};
use super::operand::Operand;
use super::types::Type;
use super::variable::Space;
use crate::machine::work::{self, Wanted};
use crate::machine::{Code, Slot, Step, own, step, window};

/// What says how memory is ordered and cached: here everything is in order.
fn is_order(part: &str) -> bool {
    const ORDERS: [&str; 25] = [
        "volatile",
        "relaxed",
        "acquire",
        "release",
        "acq_rel",
        "weak",
        "cta",
        "cluster",
        "gpu",
        "sys",
        "nc",
        "ca",
        "cg",
        "cs",
        "lu",
        "cv",
        "wb",
        "wt",
        "noftz",
        "unified",
        "mmio",
        "evict_first",
        "evict_last",
        "no_allocate",
        "L2::128B",
    ];
    ORDERS.contains(&part) || part.starts_with("L1::") || part.starts_with("L2::")
}

/// The suffixes of an instruction for memory.
#[derive(Debug)]
struct Suffixes<'a> {
    space: Space,
    kind: Type,
    count: usize,
    /// What is neither order, nor space, nor type.
    others: Vec<&'a str>,
}

fn suffixes<'a>(parts: &[&'a str]) -> Result<Suffixes<'a>> {
    let (mut space, mut kind, mut count, mut others) = (Space::Generic, None, 1, Vec::new());
    for &part in parts {
        if let Some(found) = Space::parse(part) {
            space = found;
        } else if let Some(found) = Type::parse(part) {
            kind = Some(found);
        } else if part == "v2" || part == "v4" {
            count = if part == "v2" { 2 } else { 4 };
        } else if !is_order(part) {
            others.push(part);
        }
    }
    Ok(Suffixes { space, kind: kind.ok_or("an instruction without a type")?, count, others })
}

/// The parts of a vector, or the one register.
fn elements(operand: &Operand) -> &[Operand] {
    if let Operand::Vector(parts) = operand { parts } else { std::slice::from_ref(operand) }
}

impl Lowering<'_> {
    /// Loads, stores, atomic operations and moves; `None` if it is none of these.
    pub(super) fn transfer(&mut self, name: &str, parts: &[&str], operands: &[Operand]) -> Option<Result<()>> {
        Some(match (name, operands) {
            ("ld" | "ldu", [result, address]) => self.load(parts, result, address),
            ("st", [address, value]) => self.store(parts, address, value),
            ("atom", [result, address, values @ ..]) => self.atomic(parts, Some(result), address, values),
            ("red", [address, values @ ..]) => self.atomic(parts, None, address, values),
            ("mov", [Operand::Vector(results), value]) => self.unpack(parts, results, value),
            ("mov", [result, Operand::Vector(values)]) => self.join(parts, result, values),
            ("cvta", [result, value]) => self.convert_address(parts, result, value),
            ("isspacep", [result, value]) => self.is_space(parts, result, value),
            _ => return None,
        })
    }

    fn load(&mut self, parts: &[&str], result: &Operand, address: &Operand) -> Result<()> {
        let Suffixes { space, kind, count, others } = suffixes(parts)?;
        let results = elements(result);
        if !others.is_empty() || results.len() != count {
            return Err("an instruction that is not known here".into());
        }
        let Target { place, mut base, offset } = self.target(address, space)?;
        let slots = results.iter().map(|result| self.result(result)).collect::<Result<Vec<Slot>>>()?;
        if count > 1 && slots.contains(&base) {
            let copy = self.names.fresh(1)?;
            self.work(work::copy, copy, [base, own::CARRY, own::CARRY]);
            base = copy;
        }
        let size = kind.size() as u8;
        for (at, d) in slots.into_iter().enumerate() {
            let align = if at == 0 { size * count as u8 } else { size };
            let code = Code::Load { place, size, align, signed: kind.signed() };
            self.emit(Step { d, a: base, offset: offset + at as i32 * i32::from(size), ..step(code) });
        }
        Ok(())
    }

    fn store(&mut self, parts: &[&str], address: &Operand, value: &Operand) -> Result<()> {
        let Suffixes { space, kind, count, others } = suffixes(parts)?;
        let values = elements(value);
        if !others.is_empty() || values.len() != count {
            return Err("an instruction that is not known here".into());
        }
        let Target { place, base, offset } = self.target(address, space)?;
        let size = kind.size() as u8;
        for (at, value) in values.iter().enumerate() {
            let b = self.source(value, kind)?;
            let align = if at == 0 { size * count as u8 } else { size };
            let code = Code::Store { place, size, align };
            self.emit(Step { a: base, b, offset: offset + at as i32 * i32::from(size), ..step(code) });
        }
        Ok(())
    }

    fn atomic(
        &mut self,
        parts: &[&str],
        result: Option<&Operand>,
        address: &Operand,
        values: &[Operand],
    ) -> Result<()> {
        let Suffixes { space, kind, count, others } = suffixes(parts)?;
        let (&[name], 1) = (others.as_slice(), count) else {
            return Err("an instruction that is not known here".into());
        };
        let change = work::change(name, kind).ok_or("an instruction that is not known here")?;
        let Target { place, base, offset } = self.target(address, space)?;
        let d = result.map_or(Ok(own::SINK), |result| self.result(result))?;
        let mut read = [own::CARRY; 2];
        for (slot, value) in read.iter_mut().zip(values) {
            *slot = self.source(value, kind)?;
        }
        let code = Code::Atomic { place, size: kind.size() as u8, change };
        self.emit(Step { d, a: base, b: read[0], c: read[1], offset, ..step(code) });
        Ok(())
    }

    /// `mov.b64 {low, high}, value`.
    fn unpack(&mut self, parts: &[&str], results: &[Operand], value: &Operand) -> Result<()> {
        let kind = parts.first().and_then(|part| Type::parse(part)).ok_or("an instruction without a type")?;
        let width = kind.size() * 8 / results.len();
        let value = self.source(value, kind)?;
        let shift = self.known(&Wanted { name: "shr", modes: Vec::new(), types: vec![Type::U64] })?;
        for (at, result) in results.iter().enumerate() {
            let (d, by) = (self.result(result)?, self.constant((at * width) as u64)?);
            self.work(shift, d, [value, by, own::CARRY]);
        }
        Ok(())
    }

    /// `mov.b64 result, {low, high}`.
    fn join(&mut self, parts: &[&str], result: &Operand, values: &[Operand]) -> Result<()> {
        let kind = parts.first().and_then(|part| Type::parse(part)).ok_or("an instruction without a type")?;
        let width = kind.size() * 8 / values.len();
        let join = match width {
            8 => work::join_8,
            16 => work::join_16,
            32 => work::join_32,
            _ => return Err("an instruction that is not known here".into()),
        };
        let mut slots = values.iter().map(|value| self.source(value, kind)).collect::<Result<Vec<Slot>>>()?;
        // From the last one on: what is joined so far moves up.
        let mut high = slots.pop().unwrap_or(own::CARRY);
        while let Some(low) = slots.pop() {
            let d = if slots.is_empty() { self.result(result)? } else { self.names.fresh(1)? };
            self.work(join, d, [low, high, own::CARRY]);
            high = d;
        }
        Ok(())
    }

    fn convert_address(&mut self, parts: &[&str], result: &Operand, value: &Operand) -> Result<()> {
        let from_generic = parts.first() == Some(&"to");
        let space = parts.iter().find_map(|part| Space::parse(part)).ok_or("an instruction without a space")?;
        let (a, d) = (self.source(value, Type::U64)?, self.result(result)?);
        let start = start(space);
        let by = self.constant(if from_generic { start.wrapping_neg() } else { start })?;
        self.work(work::add_address, d, [a, by, own::CARRY]);
        Ok(())
    }

    fn is_space(&mut self, parts: &[&str], result: &Operand, value: &Operand) -> Result<()> {
        let space = parts.iter().find_map(|part| Space::parse(part)).ok_or("an instruction without a space")?;
        let (a, d, high) = (self.source(value, Type::U64)?, self.result(result)?, self.names.fresh(1)?);
        let [by, start] = [self.constant(u64::from(window::SHIFT))?, self.constant(start(space) >> window::SHIFT)?];
        let shift = self.known(&Wanted { name: "shr", modes: Vec::new(), types: vec![Type::U64] })?;
        let equal = self.known(&Wanted { name: "setp", modes: vec!["eq"], types: vec![Type::U64] })?;
        self.work(shift, high, [a, by, own::CARRY]);
        self.work(equal, d, [high, start, own::CARRY]);
        Ok(())
    }
}

/// Where a space begins among generic addresses.
fn start(space: Space) -> u64 {
    match space {
        Space::Shared => window::SHARED,
        Space::Local => window::LOCAL,
        Space::Param => window::PARAM,
        Space::Global | Space::Generic => 0,
    }
}
