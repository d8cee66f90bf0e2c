//! What a step reads from memory and writes into it. Each access is checked.

use super::program::{Place, window};
use super::thread::Trouble;
use crate::errors::{ILLEGAL_ADDRESS, MISALIGNED_ADDRESS};
use crate::memory::Live;

/// The memories that the threads of a block share.
#[derive(Debug)]
pub(crate) struct Reach<'a> {
    live: &'a Live,
    /// For each step, the allocation that it last met.
    recent: Vec<(u64, u64)>,
    pub(crate) shared: Vec<u8>,
    parameters: &'a [u8],
}

/// Where an access goes.
struct Access {
    step: usize,
    place: Place,
    address: u64,
    size: u8,
}

/// What stands at the beginning of a slice, as a number of `size` bytes.
fn read(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(all)
}

/// Reads `size` bytes.
///
/// # Safety
///
/// They can be read.
#[inline]
unsafe fn read_device(at: *const u8, size: u8) -> u64 {
    // SAFETY: by the caller.
    unsafe {
        match size {
            1 => u64::from(at.read()),
            2 => u64::from(at.cast::<u16>().read_unaligned()),
            4 => u64::from(at.cast::<u32>().read_unaligned()),
            _ => at.cast::<u64>().read_unaligned(),
        }
    }
}

/// Writes the low `size` bytes of a value.
///
/// # Safety
///
/// They can be written.
#[inline]
unsafe fn write_device(at: *mut u8, value: u64, size: u8) {
    // SAFETY: by the caller.
    unsafe {
        match size {
            1 => at.write(value as u8),
            2 => at.cast::<u16>().write_unaligned(value as u16),
            4 => at.cast::<u32>().write_unaligned(value as u32),
            _ => at.cast::<u64>().write_unaligned(value),
        }
    }
}

impl<'a> Reach<'a> {
    pub(crate) fn new(live: &'a Live, steps: usize, shared: usize, parameters: &'a [u8]) -> Self {
        // An empty range, which no access fits.
        Self { live, recent: vec![(1, 0); steps], shared: vec![0; shared], parameters }
    }

    /// Reads `size` bytes.
    pub(crate) fn load(
        &mut self,
        local: &[u8],
        step: usize,
        place: Place,
        address: u64,
        size: u8,
        align: u8,
    ) -> Result<u64, Trouble> {
        if self.again(step, place, address, (size, align)) {
            // SAFETY: the bytes lie in the allocation that this step met last, which lives as long as `self.live` is borrowed.
            return Ok(unsafe { read_device(address as *const u8, size) });
        }
        let access = resolve(step, place, address, size, align)?;
        match access.place {
            Place::Global | Place::Generic => {
                let at = self.device(&access)?;
                // SAFETY: `device` has found these bytes within an allocation, which lives as long as `self.live` is borrowed. That no
                // other thread writes there meanwhile is up to the program, as with a card.
                Ok(unsafe { read_device(at, size) })
            }
            Place::Shared => range(&access, self.shared.len()).map(|range| read(&self.shared[range])),
            Place::Local => range(&access, local.len()).map(|range| read(&local[range])),
            Place::Param => range(&access, self.parameters.len()).map(|range| read(&self.parameters[range])),
        }
    }

    /// Writes the low `size` bytes of a value.
    pub(crate) fn store(
        &mut self,
        local: &mut [u8],
        step: usize,
        place: Place,
        (address, value): (u64, u64),
        (size, align): (u8, u8),
    ) -> Result<(), Trouble> {
        if self.again(step, place, address, (size, align)) {
            // SAFETY: as for reading.
            unsafe { write_device(address as *mut u8, value, size) };
            return Ok(());
        }
        let access = resolve(step, place, address, size, align)?;
        let bytes = &value.to_le_bytes()[..usize::from(size)];
        match access.place {
            Place::Global | Place::Generic => {
                let at = self.device(&access)?;
                // SAFETY: as for reading.
                unsafe { write_device(at, value, size) };
            }
            Place::Shared => {
                let range = range(&access, self.shared.len())?;
                self.shared[range].copy_from_slice(bytes);
            }
            Place::Local => {
                let range = range(&access, local.len())?;
                local[range].copy_from_slice(bytes);
            }
            Place::Param => return Err(illegal(&access, "which a kernel does not write")),
        }
        Ok(())
    }

    /// Whether a step meets the allocation again that it met last: the way that nearly all accesses take.
    #[inline]
    fn again(&self, step: usize, place: Place, address: u64, (size, align): (u8, u8)) -> bool {
        let (first, last) = self.recent[step];
        matches!(place, Place::Global | Place::Generic)
            && address & (u64::from(align) - 1) == 0
            && address >= first
            && address < last
            && last - address >= u64::from(size)
    }

    /// The bytes of an access in device memory.
    fn device(&mut self, access: &Access) -> Result<*mut u8, Trouble> {
        let end = access.address.wrapping_add(u64::from(access.size));
        let (first, last) = self.recent[access.step];
        if access.address < first || end > last {
            let found = self.live.around(access.address).filter(|&(_, last)| end <= last);
            self.recent[access.step] = found.ok_or_else(|| self.outside(access))?;
        }
        Ok(access.address as *mut u8)
    }

    fn outside(&self, access: &Access) -> Trouble {
        let near = match self.live.around(access.address).or_else(|| self.live.around(access.address.wrapping_sub(1))) {
            Some((first, last)) => format!(
                "which is {} bytes behind the beginning of an allocation of {}",
                access.address - first,
                last - first
            ),
            None => "where nothing is allocated".into(),
        };
        illegal(access, &near)
    }
}

fn resolve(step: usize, place: Place, address: u64, size: u8, align: u8) -> Result<Access, Trouble> {
    let mut access = Access { step, place, address, size };
    if place == Place::Generic {
        let start = address & (!0 << window::SHIFT);
        access.place = match start {
            0 => Place::Global,
            window::LOCAL => Place::Local,
            window::SHARED => Place::Shared,
            window::PARAM => Place::Param,
            _ => return Err(illegal(&access, "where no memory is")),
        };
        access.address = address - start;
    }
    if address & (u64::from(align) - 1) != 0 {
        let text = format!("{size} bytes at {address:#x}, which is no multiple of {align}");
        return Err(Trouble { code: MISALIGNED_ADDRESS, text });
    }
    Ok(access)
}

/// The bytes of an access in a memory of `length` bytes.
fn range(access: &Access, length: usize) -> Result<std::ops::Range<usize>, Trouble> {
    // Addresses of shared memory may have 32 bits: what is above them does not count.
    let start = if access.place == Place::Shared { u64::from(access.address as u32) } else { access.address };
    let end = start.wrapping_add(u64::from(access.size));
    if start > end || end > length as u64 {
        return Err(illegal(access, &format!("of {length} bytes")));
    }
    Ok(start as usize..end as usize)
}

fn illegal(access: &Access, text: &str) -> Trouble {
    let memory = match access.place {
        Place::Generic | Place::Global => "device",
        Place::Shared => "shared",
        Place::Local => "local",
        Place::Param => "parameter",
    };
    let text = format!("{} bytes at {:#x} of {memory} memory, {text}", access.size, access.address);
    Trouble { code: ILLEGAL_ADDRESS, text }
}

impl Reach<'_> {
    /// The text at an address, up to its zero.
    pub(crate) fn words(&mut self, address: u64) -> String {
        let mut bytes = Vec::new();
        // Step 0 is used for nothing but its memory of the last allocation.
        while let Ok(byte) = self.load(&[], 0, Place::Generic, address.wrapping_add(bytes.len() as u64), 1, 1) {
            if byte == 0 {
                break;
            }
            bytes.push(byte as u8);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
