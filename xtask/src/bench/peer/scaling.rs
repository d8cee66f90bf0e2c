//! What more threads bring: the time with one over the time with all.

use super::row::{Measured, Row, number};

/// The columns of [`line()`].
pub fn table_head(threads: usize) -> String {
    let of = |program: &str| format!("{program}, 1 thread | {threads} threads | 1 ÷ {threads}");
    format!(
        "| workload | {} | {} | {} | PyTorch ÷ candlelight, 1 thread | {threads} threads | target | |\n|---|{}---|",
        of("candlelight"),
        of("stock Candle"),
        of("PyTorch"),
        "--:|".repeat(12)
    )
}

/// A line of the table.
pub fn line(row: &Row) -> String {
    let fewer = row.fewer.as_deref();
    let gains = row.gains();
    let mut cells = vec![format!("`{}`", row.workload.name)];
    let mut program = |of: fn(&Row) -> Option<&Measured>, gain| {
        cells.push(fewer.map(|fewer| fewer.shown(of(fewer))).unwrap_or_default());
        cells.extend([row.shown(of(row)), number(gain)]);
    };
    program(|row| row.candlelight.as_ref(), gains.candlelight);
    program(|row| row.stock.as_ref(), gains.stock);
    program(Row::best, gains.torch);
    cells.extend([number(fewer.and_then(Row::ratio)), number(row.ratio())]);
    cells.push(row.workload.target.map(|target| format!("{target:.1}")).unwrap_or_default());
    cells.push(if fewer.is_some_and(|fewer| fewer.disturbed) { "disturbed" } else { row.verdict() }.to_owned());
    format!("| {} |", cells.join(" | "))
}
