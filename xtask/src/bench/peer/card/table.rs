//! The rows of `--out`, and the table that is made of them.

use serde_json::{Map, Value, json};

use super::super::row::{digits, number};
use super::super::workloads::Workload;
use super::times::{Measurements, READINGS, Times, Whose};

/// The columns of [`line()`].
pub const COLUMNS: &str = "\
    | workload | each loss read: candlelight | PyTorch | PyTorch ÷ candlelight | last loss read: candlelight | PyTorch | \
    PyTorch ÷ candlelight | candlelight on the CPU | CPU ÷ card | aim | |\n\
    |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|";

/// What was measured, where, and how. `programs`: what each says it is.
pub fn head(processor: &str, threads: usize, programs: &[String], rounds: usize) -> String {
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    format!(
        "{processor}; {threads} a program. {}.\n\n\
         Milliseconds a training step in F32, medians of at most {rounds} rounds, the programs in turn: with the loss of each step \
         read, and with that of the last step of a round alone. PyTorch is eager, and the faster of its plain and its fused \
         optimizer. Above 1 candlelight on the card is faster; the aim is for both readings, and where there is a time of the CPU \
         the card is to be no slower.\n",
        programs.join("; ")
    )
}

/// An object of the list that `--out` holds.
pub fn row(workload: &Workload, of: &Measurements) -> Value {
    let mut row = Map::new();
    row.insert("workload".into(), json!(workload.name));
    let undisturbed = |ratio: f64| (!of.disturbed).then_some(ratio);
    let mut ratios = Vec::new();
    for read in READINGS {
        let mut cells = Map::new();
        let times: Vec<&Times> =
            of.times.iter().filter(|times| times.read == read && times.whose != Whose::Cpu).collect();
        let ours = times.iter().find(|times| times.whose == Whose::Card).map(|times| &times.measured);
        for times in &times {
            let name = match times.whose {
                Whose::Torch => format!("pytorch_{}", times.variant),
                _ => "candlelight".to_owned(),
            };
            insert(&mut cells, &name, times);
        }
        let torch = times.iter().filter(|times| times.whose == Whose::Torch).map(|times| times.measured.median);
        let torch = torch.reduce(f64::min);
        let ratio = torch.zip(ours).and_then(|(torch, ours)| undisturbed(torch / ours.median));
        cells.insert("pytorch_ms".into(), json!(torch));
        cells.insert("ratio".into(), json!(ratio));
        ratios.push(ratio);
        row.insert(format!("read_{read}"), Value::Object(cells));
    }
    let mut reached = ratios.into_iter().map(|ratio| Some(ratio? >= workload.target?)).collect::<Option<Vec<bool>>>();
    if let Some(cpu) = of.times.iter().find(|times| times.whose == Whose::Cpu) {
        insert(&mut row, "candlelight_cpu", cpu);
        let ours = row["read_each"]["candlelight_ms"].as_f64();
        let ratio = ours.and_then(|ours| undisturbed(cpu.measured.median / ours));
        row.insert("cpu_ratio".into(), json!(ratio));
        reached = reached.zip(ratio).map(|(reached, ratio)| [reached, vec![ratio >= 1.0]].concat());
    }
    row.insert("aim".into(), json!(workload.target));
    row.insert("reached".into(), json!(reached.map(|all| all.into_iter().all(|one| one))));
    row.insert("difference".into(), json!(of.difference));
    row.insert("other_cores".into(), json!(of.others));
    row.insert("disturbed".into(), json!(of.disturbed));
    Value::Object(row)
}

/// The same of a workload that could not be measured.
pub fn fault(workload: &Workload, told: &str) -> Value {
    json!({ "workload": workload.name, "aim": workload.target, "fault": told })
}

fn insert(cells: &mut Map<String, Value>, name: &str, times: &Times) {
    cells.insert(format!("{name}_ms"), json!(times.measured.median));
    cells.insert(format!("{name}_range_ms"), json!(times.measured.range));
    cells.insert(format!("{name}_rounds"), json!(times.measured.rounds));
}

/// A line of the table.
pub fn line(row: &Value) -> String {
    let time = |value: &Value| value.as_f64().map(digits).unwrap_or_default();
    let mut cells = vec![format!("`{}`", row["workload"].as_str().unwrap_or_default())];
    for read in READINGS {
        let of = &row[format!("read_{read}")];
        cells.extend([time(&of["candlelight_ms"]), time(&of["pytorch_ms"]), number(of["ratio"].as_f64())]);
    }
    cells.extend([time(&row["candlelight_cpu_ms"]), number(row["cpu_ratio"].as_f64())]);
    cells.push(row["aim"].as_f64().map(|aim| format!("{aim:.1}")).unwrap_or_default());
    let verdict = match (row["fault"].is_string(), row["disturbed"] == true, row["reached"].as_bool()) {
        (true, ..) => "FAULT",
        (_, true, _) => "disturbed",
        (.., Some(true)) => "reached",
        (.., Some(false)) if row["cpu_ratio"].as_f64().is_some_and(|ratio| ratio < 1.0) => "below the CPU",
        (.., Some(false)) => "below",
        (.., None) => "",
    };
    cells.push(verdict.to_owned());
    format!("| {} |", cells.join(" | "))
}

/// What the table has no room for.
pub fn notes(rows: &[Value]) -> String {
    let mut notes = Vec::new();
    for row in rows {
        let name = row["workload"].as_str().unwrap_or_default();
        if let Some(told) = row["fault"].as_str() {
            notes.push(format!("- `{name}`: {told}"));
        }
        if let Some(others) = row["other_cores"].as_f64().filter(|_| row["disturbed"] == true) {
            notes.push(format!(
                "- `{name}`: other processes kept {others:.2} cores busy; measure again on a quiet machine"
            ));
        }
    }
    let differences = rows.iter().filter_map(|row| Some((row["difference"].as_f64()?, row["workload"].as_str()?)));
    if let Some((difference, name)) = differences.max_by(|a, b| a.0.total_cmp(&b.0)) {
        notes.push(format!(
            "- largest difference between candlelight on the card and PyTorch: {difference:.0e} of a norm, in `{name}`"
        ));
    }
    notes.join("\n")
}

/// Columns, lines and notes.
pub fn whole(rows: &[Value]) -> String {
    let lines: String = rows.iter().map(|row| line(row) + "\n").collect();
    format!("{COLUMNS}\n{lines}\n{}\n", notes(rows))
}
