//! The communicator that programs get.

use std::sync::Arc;
use std::time::Duration;

use candlelight::distributed::{Buffer, Communicator, Counts, Pending, Transfer};
use candlelight::{CommunicationError, Error, Result};

use crate::transfers::{Transfers, rank_of};
use crate::world::World;

/// The communicator that programs get.
pub struct Ranks(pub Arc<World>);

impl Communicator for Ranks {
    fn rank(&self) -> usize {
        self.0.rank
    }

    fn size(&self) -> usize {
        self.0.size
    }

    fn deadline(&self) -> Duration {
        self.0.deadline
    }

    fn start(
        &self,
        operation: &'static str,
        buffer: Buffer,
        transfers: &[Transfer],
        tag: u32,
    ) -> Result<Box<dyn Pending>> {
        let world = &self.0;
        for transfer in transfers {
            check(world, operation, &buffer, transfer)?;
        }
        world.bury();
        let mut pending = Transfers::new(world.clone(), operation, tag, buffer);
        for transfer in transfers {
            let Transfer::Send { to, range } = transfer else { continue };
            pending.send(*to, range.clone())?;
            world.count_sent(range.len() * pending.dtype().size_in_bytes());
        }
        for transfer in transfers {
            match transfer {
                Transfer::Send { .. } => {}
                Transfer::Receive { from, range } => pending.receive(*from, range.clone(), false),
                Transfer::ReceiveAside { from, range } => pending.receive(*from, range.clone(), true),
            }
        }
        Ok(Box::new(pending))
    }

    fn next_tag(&self) -> u32 {
        self.0.next_tag()
    }

    fn counts(&self) -> Counts {
        self.0.counts()
    }

    fn seconds(&self) -> f64 {
        self.0.seconds()
    }
}

/// Before anything starts: a transfer outside of the buffer would read or write other memory.
fn check(world: &World, operation: &'static str, buffer: &Buffer, transfer: &Transfer) -> Result<()> {
    let (peer, range, len) = match transfer {
        Transfer::Send { to, range } => (Some(*to), range, buffer.values.len()),
        Transfer::Receive { from, range } => (rank_of(*from), range, buffer.values.len()),
        Transfer::ReceiveAside { from, range } => (rank_of(*from), range, buffer.scratch.len()),
    };
    if let Some(peer) = peer
        && (peer >= world.size || peer == world.rank)
    {
        return Err(CommunicationError::NoRank { rank: world.rank, operation, peer, size: world.size }.into());
    }
    if range.start > range.end || range.end > len {
        return Err(Error::setting("range of a transfer", "inside of its buffer", format!("{range:?} of {len}")));
    }
    if buffer.scratch.dtype() != buffer.values.dtype() && !buffer.scratch.is_empty() {
        let dtype = format!("{:?}", buffer.scratch.dtype());
        return Err(Error::setting("dtype of the scratch", "that of the values", dtype));
    }
    Ok(())
}
