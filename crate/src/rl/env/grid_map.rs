//! Maps of letters, on which grid environments are made and drawn.

use crate::{Error, Result};

/// A rectangle of letters, one a cell. States are cells, counted row by row from the upper left.
///
/// ```
/// use candlelight::rl::GridMap;
/// # fn main() -> candlelight::Result<()> {
/// let map = GridMap::new(&["S.", ".G"])?;
/// assert_eq!((map.rows(), map.columns(), map.letter(3), map.place(2)), (2, 2, 'G', (1, 0)));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GridMap {
    columns: usize,
    letters: Vec<char>,
}

impl GridMap {
    /// The rows of a map, all of the same length.
    ///
    /// # Errors
    /// If there is no cell, or rows differ in length.
    pub fn new(rows: &[&str]) -> Result<Self> {
        let columns = rows.first().map_or(0, |row| row.chars().count());
        if columns == 0 {
            return Err(Error::setting("rows", "at least one, with at least one letter", format!("{rows:?}")));
        }
        if let Some(row) = rows.iter().find(|row| row.chars().count() != columns) {
            return Err(Error::setting("rows", "of one length", format!("{row:?} beside {:?}", rows[0])));
        }
        Ok(Self::of(rows))
    }

    /// For maps that are constants.
    fn of(rows: &[&str]) -> Self {
        let letters: Vec<char> = rows.iter().flat_map(|row| row.chars()).collect();
        Self { columns: letters.len() / rows.len(), letters }
    }

    /// Gymnasium's FrozenLake map `4x4`: S start, F frozen, H hole, G goal.
    pub fn frozen_lake_4x4() -> Self {
        Self::of(&["SFFF", "FHFH", "FFFH", "HFFG"])
    }

    /// Gymnasium's FrozenLake map `8x8`.
    pub fn frozen_lake_8x8() -> Self {
        Self::of(&["SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"])
    }

    /// The map of CliffWalking: S start, C cliff, G goal.
    pub fn cliff() -> Self {
        Self::of(&["............", "............", "............", "SCCCCCCCCCCG"])
    }

    /// Height.
    pub fn rows(&self) -> usize {
        self.letters.len() / self.columns
    }

    /// Width.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of cells.
    pub fn states(&self) -> usize {
        self.letters.len()
    }

    /// The letter of a cell; a space outside of the map.
    pub fn letter(&self, state: usize) -> char {
        self.letters.get(state).copied().unwrap_or(' ')
    }

    /// (row, column) of a cell.
    pub fn place(&self, state: usize) -> (usize, usize) {
        (state / self.columns, state % self.columns)
    }

    /// The cell one step (down, right) from `state`; the border holds back.
    pub(super) fn step(&self, state: usize, (down, right): (isize, isize)) -> usize {
        let (row, column) = self.place(state);
        let row = row.saturating_add_signed(down).min(self.rows() - 1);
        let column = column.saturating_add_signed(right).min(self.columns - 1);
        row * self.columns + column
    }

    /// The probability to begin in each cell: the same for each that holds `letter`.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn evenly(&self, letter: char) -> Result<Vec<f64>> {
        let n = self.letters.iter().filter(|&&l| l == letter).count();
        if n == 0 {
            let given: String = self.letters.iter().collect();
            return Err(Error::setting("map", "one with a start, `S`", given));
        }
        Ok(self.letters.iter().map(|&l| if l == letter { 1.0 / n as f64 } else { 0.0 }).collect())
    }
}
