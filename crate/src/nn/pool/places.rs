//! Which places are in which window, and which windows a place is in.

use candle_core::{Device, Tensor};
use candlelight_base::transfer;
use candlelight_kernels::card::PlaceTable;
use candlelight_kernels::windows::{Pooling, Window, Windows};

use crate::Result;
use crate::nn::tables::{NONE, Tables, table};

/// The tables of a geometry.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// How many windows there are.
    pub windows: usize,
    /// The places of each window.
    pub in_windows: Rows,
    /// The windows of each place.
    pub of_places: Rows,
    /// How much a slot of `in_windows` is worth if it holds the greatest number, more the earlier it comes, and 0 where nothing
    /// stands: [windows, places of a window].
    pub earlier: Tensor,
    /// How much it is worth if it holds NaN: more than any other, and the more the later it comes.
    pub later: Tensor,
    /// How a slot that a window has taken is found again.
    pub taken: Taken,
    /// What an average divides by.
    divisors: Divisors,
}

/// From the slots of windows to places.
#[derive(Debug, Clone)]
pub(super) enum Taken {
    /// Of windows without a common place: for each place where it stands among the slots of all windows.
    Apart { slots: Tensor },
    /// Of others: where the slots of each window begin, [1, windows, 1], and the place at each slot.
    Overlapping { first: Tensor, flat: Tensor },
}

/// Rows of places, filled up to one length; no table where they are all places in order.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub length: usize,
    table: Option<Tensor>,
}

#[derive(Debug, Clone)]
enum Divisors {
    Same(f64),
    Each(Tensor),
}

/// Height and width, the windows on the rows and those on the columns.
type Key = (Pooling, usize, usize, Vec<Window>, Vec<Window>);

static PLACES: Tables<Key, Places> = Tables::new();

/// The tables of `windows` on `device`.
pub(super) fn places(pooling: Pooling, windows: &Windows, device: &Device) -> Result<Places> {
    let Windows { height, width, rows, columns } = windows;
    let key = (pooling, *height, *width, rows.clone(), columns.clone());
    PLACES.get(key, device, |_| Places::new(pooling, windows, device))
}

impl Places {
    fn new(pooling: Pooling, windows: &Windows, device: &Device) -> Result<Self> {
        let plane = windows.height * windows.width;
        let mut in_windows: Vec<Vec<u32>> = Vec::new();
        // For each place (window, slot).
        let mut seen: Vec<Vec<(u32, u32)>> = vec![Vec::new(); plane];
        for (window, rows, columns) in windows.iter() {
            let place = |row| columns.places().map(move |column| row * windows.width + column);
            let places: Vec<usize> = rows.places().flat_map(place).collect();
            for (slot, &place) in places.iter().enumerate() {
                seen[place].push((window as u32, slot as u32));
            }
            in_windows.push(places.into_iter().map(|place| place as u32).collect());
        }
        let of_places: Vec<Vec<u32>> = seen.iter().map(|row| row.iter().map(|&(window, _)| window).collect()).collect();
        let (longest, most) = (longest(&in_windows), longest(&of_places));
        let worth = |of: fn(u32, u32) -> u32| {
            let row = |row: &Vec<u32>| (0..row.len() as u32).map(|slot| of(slot, longest as u32)).collect();
            let rows: Vec<Vec<u32>> = in_windows.iter().map(row).collect();
            table(filled(&rows, longest, |_| 0), device)?
                .reshape((in_windows.len(), longest))
                .map_err(crate::Error::from)
        };
        let (earlier, later) = (worth(|slot, longest| longest - slot)?, worth(|slot, longest| longest + 1 + slot)?);
        let divisors = windows.iter().map(|(_, rows, columns)| (rows.divisor * columns.divisor) as f64);
        let divisors: Vec<f64> = divisors.collect();
        let divisors = match divisors[..] {
            [first, ..] if divisors.iter().all(|&divisor| divisor == first) => Divisors::Same(first),
            _ => Divisors::Each(transfer::to_device(divisors.clone(), (1, divisors.len()), device)?),
        };
        let taken = match most {
            1 => {
                let slot =
                    |row: &Vec<(u32, u32)>| row.first().map_or(NONE, |(window, slot)| window * longest as u32 + slot);
                Taken::Apart { slots: table(seen.iter().map(slot).collect(), device)? }
            }
            _ => {
                let first = (0..in_windows.len() as u32).map(|window| window * longest as u32).collect();
                let first = table(first, device)?.reshape((1, in_windows.len(), 1))?;
                Taken::Overlapping { first, flat: table(filled(&in_windows, longest, |_| 0), device)? }
            }
        };
        // A place once more changes no maximum; of a sum a zero is a part.
        let last = |row: &[u32]| row.last().copied().filter(|_| pooling == Pooling::Max).unwrap_or(NONE);
        Ok(Self {
            windows: in_windows.len(),
            earlier,
            later,
            in_windows: Rows::new(filled(&in_windows, longest, last), longest, plane, device)?,
            of_places: Rows::new(filled(&of_places, most, |_| NONE), most, in_windows.len(), device)?,
            taken,
            divisors,
        })
    }

    /// The windows, or the places, as a kernel takes them.
    pub(super) fn of_kernel<'a>(&self, rows: &'a Rows, count: usize) -> PlaceTable<'a> {
        PlaceTable { table: rows.table.as_ref(), rows: count, length: rows.length }
    }

    /// What stands at `rows` in each row of `x`: [rows of x, rows, length].
    pub(super) fn gather(&self, x: &Tensor, rows: &Rows) -> Result<Tensor> {
        let gathered = match &rows.table {
            Some(table) => &x.index_select(table, 1)?,
            None => x,
        };
        Ok(gathered.reshape((x.dim(0)?, (), rows.length))?)
    }

    /// One number for each window over the window's divisor.
    pub(super) fn shared(&self, x: &Tensor) -> Result<Tensor> {
        match &self.divisors {
            Divisors::Same(1.0) => Ok(x.clone()),
            Divisors::Same(divisor) => Ok((x / *divisor)?),
            Divisors::Each(divisors) => Ok(x.broadcast_div(&divisors.to_dtype(x.dtype())?)?),
        }
    }
}

impl Rows {
    /// Rows of `length` in a row, of places from 0 to `places`.
    fn new(flat: Vec<u32>, length: usize, places: usize, device: &Device) -> Result<Self> {
        let in_order = flat.len() == places && (0..).zip(&flat).all(|(i, &place)| i == place);
        let table = if in_order { None } else { Some(table(flat, device)?) };
        Ok(Self { length, table })
    }
}

fn longest(rows: &[Vec<u32>]) -> usize {
    rows.iter().map(Vec::len).max().unwrap_or(0).max(1)
}

/// The rows one after the other, each filled up to `length`.
fn filled(rows: &[Vec<u32>], length: usize, filler: impl Fn(&[u32]) -> u32) -> Vec<u32> {
    let full = |row: &Vec<u32>| {
        let filler = filler(row);
        row.iter().copied().chain(std::iter::repeat(filler)).take(length).collect::<Vec<u32>>()
    };
    rows.iter().flat_map(full).collect()
}
