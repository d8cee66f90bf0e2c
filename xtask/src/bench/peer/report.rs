//! What stands around the rows.

use serde_json::Value;

use crate::error::Result;
use crate::process;

use super::instructions::Instructions;
use super::row::Row;

/// The columns of [`Row::markdown`].
pub fn table_head(ranks: usize) -> String {
    let (ours, second) = match ranks {
        1 => ("candlelight".to_owned(), "stock Candle"),
        _ => (format!("candlelight on {ranks} ranks"), "on one, with all their threads and samples"),
    };
    format!(
        "| workload | {ours} | {second} | PyTorch | plain | fused | PyTorch ÷ candlelight | target | |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|---|"
    )
}

/// The rows as the list that `--out` holds.
pub fn json(rows: &[Row]) -> String {
    format!("{:#}\n", Value::Array(rows.iter().map(Row::json).collect()))
}

/// The processor, as it calls itself, and its cores.
pub fn processor() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpu.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name")
        .or_else(|| process::output(process::command("sysctl").args(["-n", "machdep.cpu.brand_string"])).ok());
    let family =
        field("cpu family").zip(field("model")).map(|(family, model)| format!(" (family {family}, model {model})"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let name = model.as_deref().unwrap_or("a processor without a name");
    format!("{name}{}, {cores} cores", family.unwrap_or_default())
}

/// What was measured, where, and how. `threads`: as a sentence has it, `2 threads` or `1 and 2 threads`; `held`: the set that was asked for.
pub fn head(versions: &str, threads: &str, held: Option<Instructions>, rounds: usize) -> Result<String> {
    let rust = process::output(process::command("rustc").arg("--version"))?;
    let held = held.map(|held| format!(" {}", held.note())).unwrap_or_default();
    Ok(format!(
        "{}; {threads} a program. {versions}, {rust}.{held}\n\n\
         Milliseconds a step (growth of the peak in MB where it says so), medians of at most {rounds} rounds, the programs in \
         turn.\n",
        processor(),
    ))
}

/// What the table has no room for.
pub fn notes(rows: &[Row]) -> String {
    let mut notes = Vec::new();
    for row in rows {
        let name = row.workload.name;
        if let Some(text) = row.fault.as_ref().or(row.note.as_ref()) {
            notes.push(format!("- `{name}`: {text}"));
        }
        if let (Some(fault), Some(_)) = (row.workload.stock_fault, &row.stock) {
            notes.push(format!("- `{name}`: of stock Candle only the first loss was compared: {fault}"));
        }
        for of in [row.fewer.as_deref(), Some(row)].into_iter().flatten() {
            if let Some(others) = of.others.filter(|_| of.disturbed) {
                let threads = row.fewer.as_ref().map(|_| format!(", threads: {}", of.threads)).unwrap_or_default();
                notes.push(format!(
                    "- `{name}`{threads}: other processes kept {others:.2} cores busy; measure again on a quiet machine"
                ));
            }
        }
    }
    let differences = rows.iter().filter_map(|row| row.difference.map(|difference| (difference, row.workload.name)));
    if let Some((difference, name)) = differences.max_by(|a, b| a.0.total_cmp(&b.0)) {
        notes.push(format!(
            "- largest difference between candlelight and PyTorch: {difference:.0e} of a norm, in `{name}`"
        ));
    }
    notes.join("\n")
}
