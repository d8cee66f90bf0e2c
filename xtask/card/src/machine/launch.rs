//! A launch: blocks one after another.

use super::access::Reach;
use super::block::Block;
use super::program::Program;
use crate::errors::{Code, INVALID_VALUE};
use crate::memory;

/// Threads of a block at most, and along each axis.
const THREADS: u64 = 1024;
const ALONG: [u32; 3] = [1024, 1024, 64];
/// Blocks along each axis.
const BLOCKS: [u32; 3] = [i32::MAX as u32, 65535, 65535];

/// A kernel with what it is given.
#[derive(Clone, Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Program,
    /// Blocks along x, y and z, and threads of a block.
    pub(crate) blocks: [u32; 3],
    pub(crate) threads: [u32; 3],
    /// Bytes of shared memory beside the kernel's own, and how many it may ask for.
    pub(crate) shared: u32,
    pub(crate) shared_limit: u32,
    pub(crate) parameters: Vec<u8>,
}

/// An error of the driver, and what to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) text: String,
}

/// Runs all blocks.
///
/// # Errors
///
/// Sizes that no card takes, or what went wrong first in a thread: its kernel, block, thread and instruction.
pub(crate) fn run(launch: &Launch<'_>) -> Result<(), Fault> {
    let program = launch.program;
    let invalid = |text: String| Fault { code: INVALID_VALUE, text: format!("kernel {}: {text}", program.name) };
    let total: u64 = launch.threads.iter().map(|&count| u64::from(count)).product();
    let fits = |sizes: [u32; 3], most: [u32; 3]| sizes.iter().zip(most).all(|(&size, most)| size > 0 && size <= most);
    if !fits(launch.threads, ALONG) || total > THREADS {
        return Err(invalid(format!("blocks of {:?} threads", launch.threads)));
    }
    if !fits(launch.blocks, BLOCKS) {
        return Err(invalid(format!("{:?} blocks", launch.blocks)));
    }
    if launch.shared > launch.shared_limit {
        return Err(invalid(format!(
            "{} bytes of dynamic shared memory, and {} are allowed",
            launch.shared, launch.shared_limit
        )));
    }
    let live = memory::live();
    let shared = program.shared + launch.shared as usize;
    let mut reach = Reach::new(&live, program.steps.len(), shared, &launch.parameters);
    let mut block = Block::new(program, launch.blocks, launch.threads, launch.shared);
    for z in 0..launch.blocks[2] {
        for y in 0..launch.blocks[1] {
            for x in 0..launch.blocks[0] {
                // What nobody wrote is not a number.
                reach.shared.fill(0xff);
                block.run(&mut reach, [x, y, z]).map_err(|(trouble, thread, step)| Fault {
                    code: trouble.code,
                    text: format!(
                        "kernel {}, block {:?}, thread {:?}, `{}`: {}",
                        program.name,
                        (x, y, z),
                        place(thread, launch.threads),
                        program.text(step),
                        trouble.text
                    ),
                })?;
            }
        }
    }
    Ok(())
}

fn place(thread: usize, [x, y, _]: [u32; 3]) -> (usize, usize, usize) {
    let (x, y) = (x as usize, y as usize);
    (thread % x, thread / x % y, thread / x / y)
}
