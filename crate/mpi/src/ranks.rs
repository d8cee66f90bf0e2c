//! The communicator that programs get.

use std::sync::Arc;
use std::time::Duration;

use candlelight::Result;
use candlelight::distributed::{Buffer, Communicator, Counts, Pending, Transfer};

use crate::transfers::Transfers;
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
            // One outside of the buffer would read or write other memory.
            transfer.check(self, operation, &buffer)?;
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
