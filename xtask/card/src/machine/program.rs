//! A kernel in the form in which it runs: no text, registers are places in a slice, targets of branches are indices.

use std::collections::HashMap;

use crate::ptx::Type;

/// The place of a register, of a constant or of what a thread knows of itself, among the 64-bit slots of a thread.
pub(crate) type Slot = u16;

/// What works on slots alone. An instruction that reads a slot takes as many low bits as its type has.
pub(crate) type Work = fn(&mut [u64], &Step);

/// What an atomic operation leaves in memory: from what was there and its two operands.
pub(crate) type Change = fn(u64, u64, u64) -> u64;

/// Slots that each thread has before its registers.
pub(crate) mod own {
    use super::Slot;

    /// The carry of `add.cc` and its like.
    pub(crate) const CARRY: Slot = 0;
    /// Where a result goes that nobody reads.
    pub(crate) const SINK: Slot = 1;
    pub(crate) const THREAD: Slot = 2;
    pub(crate) const THREADS: Slot = 5;
    pub(crate) const BLOCK: Slot = 8;
    pub(crate) const BLOCKS: Slot = 11;
    pub(crate) const LANE: Slot = 14;
    pub(crate) const WARP: Slot = 15;
    /// `%lanemask_eq`, `lt`, `le`, `gt`, `ge`.
    pub(crate) const MASKS: Slot = 16;
    pub(crate) const DYNAMIC: Slot = 21;
    /// The first slot that a kernel gives out.
    pub(crate) const FIRST: Slot = 22;
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) code: Code,
    /// Results.
    pub(crate) d: Slot,
    pub(crate) e: Slot,
    /// Operands.
    pub(crate) a: Slot,
    pub(crate) b: Slot,
    pub(crate) c: Slot,
    /// What is added to an address.
    pub(crate) offset: i32,
}

/// Where an instruction finds memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// By the address: [`window`].
    Generic,
    Global,
    Shared,
    Local,
    Param,
}

/// Where the memories that are no device memory lie among all addresses: device memory has those of the host, below 2⁵⁶.
pub(crate) mod window {
    pub(crate) const SHIFT: u32 = 56;
    pub(crate) const LOCAL: u64 = 1 << SHIFT;
    pub(crate) const SHARED: u64 = 2 << SHIFT;
    pub(crate) const PARAM: u64 = 3 << SHIFT;
}

/// How lanes of a warp are put together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Warp {
    /// `shfl.sync`: d|e = a from the lane that b and c say.
    Up,
    Down,
    Butterfly,
    Index,
    /// `vote.sync`: d = of the predicates a.
    All,
    Any,
    Uniform,
    Ballot,
    /// `bar.warp.sync`.
    Wait,
    /// `redux.sync`: d = all a put together.
    Reduce(Change),
    /// `match.any.sync`, on as many bits as this.
    Match(u32),
}

/// How threads of a block wait for each other: d = of the predicates a.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Barrier {
    Sync,
    And,
    Or,
    Count,
}

/// What an instruction does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    Work(Work),
    Jump(u32),
    /// If a is true.
    JumpIf(u32),
    /// If a is false.
    JumpUnless(u32),
    /// To the entry a of a table.
    JumpTable(u32),
    /// d = memory at a + offset; an address is a multiple of `align`.
    Load {
        place: Place,
        size: u8,
        align: u8,
        signed: bool,
    },
    /// Memory at a + offset = b.
    Store {
        place: Place,
        size: u8,
        align: u8,
    },
    /// d = memory at a + offset, and memory = change(memory, b, c).
    Atomic {
        place: Place,
        size: u8,
        change: Change,
    },
    /// With a mask of lanes in the slot `mask`.
    Warp {
        how: Warp,
        mask: Slot,
    },
    /// Barrier b, of c threads (all if c is 0).
    Barrier(Barrier),
    /// A failed `assert` of the kernel: its words at a, file at b, line in c.
    Assert,
    Trap,
    Exit,
}

/// A parameter of a kernel, in its memory of parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) offset: usize,
    pub(crate) size: usize,
}

/// A kernel that can run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) steps: Vec<Step>,
    /// Which of `texts` a step came from.
    pub(crate) lines: Vec<u32>,
    pub(crate) texts: Vec<String>,
    pub(crate) tables: Vec<Vec<u32>>,
    /// Slots of a thread.
    pub(crate) slots: usize,
    pub(crate) constants: Vec<(Slot, u64)>,
    /// Bytes of shared memory that every launch needs, and where those begin that a launch gives.
    pub(crate) shared: usize,
    /// Bytes of local memory of a thread.
    pub(crate) local: usize,
    /// Whether threads wait for each other.
    pub(crate) waits: bool,
}

impl Program {
    /// Bytes of all parameters.
    pub(crate) fn parameter_bytes(&self) -> usize {
        self.parameters.last().map_or(0, |last| last.offset + last.size)
    }

    /// The text of a step, for messages.
    pub(crate) fn text(&self, step: usize) -> &str {
        self.lines.get(step).and_then(|&line| self.texts.get(line as usize)).map_or("", |text| text)
    }
}

/// The slots of `%tid.x` and its like.
pub(crate) fn own_slots() -> HashMap<String, Slot> {
    let mut slots = HashMap::new();
    for (name, first) in [("tid", own::THREAD), ("ntid", own::THREADS), ("ctaid", own::BLOCK), ("nctaid", own::BLOCKS)]
    {
        for (axis, slot) in ["x", "y", "z"].iter().zip(first..) {
            slots.insert(format!("%{name}.{axis}"), slot);
        }
    }
    for (name, slot) in ["eq", "lt", "le", "gt", "ge"].iter().zip(own::MASKS..) {
        slots.insert(format!("%lanemask_{name}"), slot);
    }
    for (name, slot) in [("%laneid", own::LANE), ("%warpid", own::WARP), ("%dynamic_smem_size", own::DYNAMIC)] {
        slots.insert(name.to_string(), slot);
    }
    slots
}

/// A result that nobody reads goes to [`own::SINK`]; the carry begins at 0.
pub(crate) fn step(code: Code) -> Step {
    Step { code, d: own::SINK, e: own::SINK, a: own::CARRY, b: own::CARRY, c: own::CARRY, offset: 0 }
}

/// The bits of a type, for `match` and masks.
pub(crate) fn bits(kind: Type) -> u32 {
    kind.size() as u32 * 8
}
