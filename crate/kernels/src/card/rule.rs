//! An update rule as a program for a card.
//!
//! A [`Rule`] is written once, for anything that can be added and multiplied. Here it is given registers to compute with, and each
//! operation becomes an instruction of PTX, NVIDIA's assembly language, which the driver compiles for its card. Every instruction
//! rounds as the CPU's does, and none is joined with another, so the results have the same bits.
//!
//! NVIDIA, Parallel Thread Execution ISA, version 7.0.

use std::cell::RefCell;
use std::fmt::Write;
use std::ops::{Add, Div, Mul, Sub};
use std::rc::Rc;

use candle_core::DType;

use crate::update::{Rule, Value};

/// How many parameters one launch updates: a table of them is an argument of the kernel, whose arguments may have 4096 bytes.
pub(super) const ROWS: usize = 64;
/// The most that is remembered of a number.
pub(super) const MEMORIES: usize = 3;
/// The bytes of a row: where the parameter is, its gradient and its memories, and how many numbers they are.
const ROW: usize = 8 * (2 + MEMORIES + 1);
/// The name of the kernel.
pub(super) const NAME: &str = "update";

/// The kernel of a rule.
pub(super) struct Program {
    /// In PTX; the same for all rules that differ in constants alone.
    pub text: String,
    /// What the rule multiplies by and adds, in order: arguments of the kernel after the table.
    pub constants: Vec<f64>,
}

/// What has been traced.
#[derive(Default)]
struct Trace {
    registers: usize,
    constants: Vec<f64>,
    instructions: String,
    /// `f32` or `f64`.
    real: &'static str,
    epsilon: f64,
}

/// A number that the program computes.
#[derive(Clone)]
struct Traced {
    trace: Rc<RefCell<Trace>>,
    register: usize,
}

impl Trace {
    fn register(&mut self) -> usize {
        self.registers += 1;
        self.registers - 1
    }

    /// A new register with what `instruction`, without its type, makes of `operands`.
    fn compute(&mut self, instruction: &str, operands: &str) -> usize {
        let (to, real) = (self.register(), self.real);
        _ = writeln!(self.instructions, "    {instruction}.{real} %f{to}, {operands};");
        to
    }
}

impl Traced {
    fn new(trace: &Rc<RefCell<Trace>>) -> Self {
        let register = trace.borrow_mut().register();
        Self { trace: trace.clone(), register }
    }

    fn unary(self, instruction: &str) -> Self {
        let register = self.trace.borrow_mut().compute(instruction, &format!("%f{}", self.register));
        Self { register, ..self }
    }

    fn binary(self, instruction: &str, other: &Self) -> Self {
        let operands = format!("%f{}, %f{}", self.register, other.register);
        let register = self.trace.borrow_mut().compute(instruction, &operands);
        Self { register, ..self }
    }

    fn with_constant(self, instruction: &str, constant: f64) -> Self {
        let operands = {
            let mut trace = self.trace.borrow_mut();
            trace.constants.push(constant);
            format!("%f{}, %c{}", self.register, trace.constants.len() - 1)
        };
        let register = self.trace.borrow_mut().compute(instruction, &operands);
        Self { register, ..self }
    }
}

impl Value for Traced {
    fn scale(self, factor: f64) -> Self {
        self.with_constant("mul.rn", factor)
    }

    fn shift(self, term: f64) -> Self {
        self.with_constant("add.rn", term)
    }

    fn root(self) -> Self {
        self.unary("sqrt.rn")
    }

    /// `if other > self { other } else { self }`, also where one is NaN.
    fn greater(self, other: Self) -> Self {
        let operands = {
            let (own, other) = (self.register, other.register);
            let mut trace = self.trace.borrow_mut();
            let real = trace.real;
            _ = writeln!(trace.instructions, "    setp.gt.{real} %p1, %f{other}, %f{own};");
            format!("%f{other}, %f{own}, %p1")
        };
        let register = self.trace.borrow_mut().compute("selp", &operands);
        Self { register, ..self }
    }

    fn resolution(self) -> Self {
        let epsilon = self.trace.borrow().epsilon;
        self.with_constant("mul.rn", epsilon)
    }
}

macro_rules! operator {
    ($operator:ident, $method:ident, $instruction:literal) => {
        impl $operator for Traced {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                self.binary($instruction, &other)
            }
        }
    };
}

operator!(Add, add, "add.rn");
operator!(Sub, sub, "sub.rn");
operator!(Mul, mul, "mul.rn");
operator!(Div, div, "div.rn");

impl Program {
    /// The kernel that updates numbers of `dtype`, F32 or F64, of which `memories` numbers are remembered.
    pub(super) fn new<R: Rule>(rule: R, dtype: DType, memories: usize) -> Self {
        let (real, epsilon, bytes) = match dtype {
            DType::F64 => ("f64", f64::EPSILON, 8),
            _ => ("f32", f64::from(f32::EPSILON), 4),
        };
        let trace = Rc::new(RefCell::new(Trace { real, epsilon, ..Trace::default() }));
        let (theta, gradient) = (Traced::new(&trace), Traced::new(&trace));
        let mut memory: Vec<Traced> = (0..memories.min(MEMORIES)).map(|_| Traced::new(&trace)).collect();
        let next = rule.apply(theta, gradient, &mut memory);
        // A memory that is subnormal is 0 from then on, as on the CPU.
        let (least, zero) =
            if real == "f64" { ("0d0010000000000000", "0d0000000000000000") } else { ("0f00800000", "0f00000000") };
        for remembered in &mut memory {
            let size = remembered.clone().unary("abs");
            let operands = {
                let mut trace = trace.borrow_mut();
                _ = writeln!(trace.instructions, "    setp.lt.{real} %p1, %f{}, {least};", size.register);
                format!("{zero}, %f{}, %p1", remembered.register)
            };
            remembered.register = trace.borrow_mut().compute("selp", &operands);
        }
        let results: Vec<usize> = std::iter::once(next.register).chain(memory.iter().map(|one| one.register)).collect();
        let trace = trace.borrow();
        Self { text: text(&trace, &results, bytes), constants: trace.constants.clone() }
    }
}

/// The whole kernel. A block takes every gridDim.x-th piece of the parameter whose row in the table is blockIdx.y.
fn text(trace: &Trace, results: &[usize], bytes: usize) -> String {
    let Trace { registers, constants, instructions, real, .. } = trace;
    let lines = |lines: &mut dyn Iterator<Item = String>| lines.collect::<Vec<_>>().join("\n");
    let arguments = lines(&mut (0..constants.len()).map(|i| format!("    .param .{real} constant{i},")));
    let read_constants = lines(&mut (0..constants.len()).map(|i| format!("    ld.param.{real} %c{i}, [constant{i}];")));
    // Parameter, gradient, memories: what is read; all but the gradient is written.
    let arrays = results.len() + 1;
    let pointers = lines(
        &mut (0..arrays)
            .map(|i| format!("    ld.param.u64 %a{i}, [%row+{}];\n    cvta.to.global.u64 %a{i}, %a{i};", 8 * i)),
    );
    let read = lines(
        &mut (0..arrays).map(|i| format!("    add.u64 %at, %a{i}, %offset;\n    ld.global.{real} %f{i}, [%at];")),
    );
    let write = lines(&mut results.iter().enumerate().map(|(i, register)| {
        let array = if i == 0 { 0 } else { i + 1 };
        format!("    add.u64 %at, %a{array}, %offset;\n    st.global.{real} [%at], %f{register};")
    }));
    let table = ROWS * ROW;
    let (count_at, shift) = (ROW - 8, bytes.ilog2());
    let constants = constants.len().max(1);
    let arguments = arguments.trim_end_matches(',').to_owned();
    let comma = if arguments.is_empty() { "" } else { "," };
    format!(
        ".version 7.0
.target sm_50
.address_size 64

.visible .entry {NAME}(
    .param .align 8 .b8 table[{table}]{comma}
{arguments}
)
{{
    .reg .pred %p<2>;
    .reg .b32 %r<5>;
    .reg .b64 %row, %i, %n, %step, %offset, %at, %thread, %a<{arrays}>;
    .reg .{real} %f<{registers}>, %c<{constants}>;
    mov.u64 %row, table;
    mov.u32 %r0, %ctaid.y;
    mad.wide.u32 %row, %r0, {ROW}, %row;
    ld.param.u64 %n, [%row+{count_at}];
{pointers}
{read_constants}
    mov.u32 %r1, %ctaid.x;
    mov.u32 %r2, %ntid.x;
    mov.u32 %r3, %tid.x;
    mov.u32 %r4, %nctaid.x;
    mul.wide.u32 %i, %r1, %r2;
    cvt.u64.u32 %thread, %r3;
    add.u64 %i, %i, %thread;
    mul.wide.u32 %step, %r4, %r2;
NEXT:
    setp.ge.u64 %p0, %i, %n;
    @%p0 bra END;
    shl.b64 %offset, %i, {shift};
{read}
{instructions}{write}
    add.u64 %i, %i, %step;
    bra NEXT;
END:
    ret;
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// θ - lr (m ← β m + g), with the greater of m and its last value.
    #[derive(Clone, Copy)]
    struct Momentum(f64);

    impl Rule for Momentum {
        fn apply<V: Value>(&self, theta: V, gradient: V, memory: &mut [V]) -> V {
            let [m] = memory else { return theta };
            let next = m.clone().scale(0.9) + gradient;
            *m = m.clone().greater(next);
            theta - m.clone().root().scale(self.0)
        }
    }

    #[test]
    fn a_rule_becomes_one_instruction_for_each_of_its_operations() {
        let Program { text, constants } = Program::new(Momentum(0.5), DType::F32, 1);
        assert_eq!(constants, [0.9, 0.5]);
        let body: Vec<&str> =
            text.lines().map(str::trim).filter(|line| line.contains(".f32 %f") || line.contains("setp")).collect();
        let expected = [
            "setp.ge.u64 %p0, %i, %n;",
            "ld.global.f32 %f0, [%at];",
            "ld.global.f32 %f1, [%at];",
            "ld.global.f32 %f2, [%at];",
            "mul.rn.f32 %f3, %f2, %c0;",
            "add.rn.f32 %f4, %f3, %f1;",
            "setp.gt.f32 %p1, %f4, %f2;",
            "selp.f32 %f5, %f4, %f2, %p1;",
            "sqrt.rn.f32 %f6, %f5;",
            "mul.rn.f32 %f7, %f6, %c1;",
            "sub.rn.f32 %f8, %f0, %f7;",
            "abs.f32 %f9, %f5;",
            "setp.lt.f32 %p1, %f9, 0f00800000;",
            "selp.f32 %f10, 0f00000000, %f5, %p1;",
        ];
        let body: Vec<&str> =
            body.into_iter().filter(|line| !line.starts_with(".reg") && !line.starts_with("st.")).collect();
        assert_eq!(body, expected);
        assert!(text.contains("st.global.f32 [%at], %f8;") && text.contains("st.global.f32 [%at], %f10;"));
    }

    #[test]
    fn rules_that_differ_in_constants_share_their_kernel() {
        let [slow, fast] = [0.5, 0.25].map(|lr| Program::new(Momentum(lr), DType::F64, 1));
        assert_eq!(slow.text, fast.text);
        assert_ne!(slow.constants, fast.constants);
        assert_ne!(slow.text, Program::new(Momentum(0.5), DType::F32, 1).text);
    }
}
