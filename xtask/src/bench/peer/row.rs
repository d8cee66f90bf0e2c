//! What was measured of a workload.

use serde_json::{Map, Value, json};

use crate::bench::median;

use super::workloads::{Quantity, Workload};

/// The rounds of one program.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub median: f64,
    pub range: [f64; 2],
    pub rounds: usize,
}

impl Measured {
    /// Of at least one round.
    pub fn new(mut rounds: Vec<f64>) -> Self {
        let median = median(&mut rounds);
        let range = [rounds.first().copied().unwrap_or(f64::NAN), rounds.last().copied().unwrap_or(f64::NAN)];
        Self { median, range, rounds: rounds.len() }
    }
}

/// What was measured of a workload.
pub struct Row {
    pub workload: &'static Workload,
    /// Of each program.
    pub threads: usize,
    /// The same with fewer threads, for what more of them bring.
    pub fewer: Option<Box<Row>>,
    pub candlelight: Option<Measured>,
    pub stock: Option<Measured>,
    pub one_rank: Option<Measured>,
    /// By variant, of which the fastest counts.
    pub torch: Vec<(&'static str, Measured)>,
    /// The largest relative difference between candlelight's results and PyTorch's.
    pub difference: Option<f64>,
    /// How many cores other processes kept busy on average, beside the program that they disturbed most.
    pub others: Option<f64>,
    /// Whether that was so much that the times say nothing.
    pub disturbed: bool,
    /// Why a column is empty.
    pub note: Option<String>,
    /// What went wrong.
    pub fault: Option<String>,
}

impl Row {
    pub fn new(workload: &'static Workload, threads: usize) -> Self {
        Self {
            workload,
            threads,
            fewer: None,
            candlelight: None,
            stock: None,
            one_rank: None,
            torch: Vec::new(),
            difference: None,
            others: None,
            disturbed: false,
            note: None,
            fault: None,
        }
    }

    /// Whether something went wrong; a target that is missed did not.
    pub fn failed(&self) -> bool {
        self.fault.is_some()
    }

    /// Whether the figure has a bar for it: a workload that others disturbed has no ratio, memory is no time.
    pub fn is_drawn(&self) -> bool {
        matches!(self.workload.quantity, Quantity::Time) && self.ratio().is_some()
    }

    /// PyTorch's fastest variant.
    pub fn best(&self) -> Option<&Measured> {
        self.torch.iter().map(|(_, measured)| measured).min_by(|a, b| a.median.total_cmp(&b.median))
    }

    fn variant(&self, name: &str) -> Option<&Measured> {
        self.torch.iter().find(|(variant, _)| *variant == name).map(|(_, measured)| measured)
    }

    fn ratio_to(&self, torch: Option<&Measured>) -> Option<f64> {
        let ratio = torch?.median / self.candlelight.as_ref()?.median;
        (!self.disturbed).then_some(ratio)
    }

    /// PyTorch's time, or memory, over candlelight's.
    pub fn ratio(&self) -> Option<f64> {
        self.ratio_to(self.best())
    }

    /// Whether every target is reached, if there is one and it could be measured.
    fn reached(&self) -> Option<bool> {
        let reached = |target: Option<f64>, ratio: Option<f64>| Some(ratio? >= target?);
        let best = reached(self.workload.target, self.ratio());
        let plain = reached(self.workload.plain_target, self.ratio_to(self.variant("plain")));
        best.map(|best| best && plain.unwrap_or(true))
    }

    /// A line of the table.
    pub fn markdown(&self) -> String {
        let several = |name| self.variant(name).filter(|_| self.torch.len() > 1);
        let target = match (self.workload.target, self.workload.plain_target) {
            (Some(target), Some(plain)) => format!("{target:.1} ({plain:.1} to plain)"),
            (Some(target), None) => format!("{target:.1}"),
            (None, _) => String::new(),
        };
        let cells = [
            format!("`{}`", self.workload.name),
            self.shown(self.candlelight.as_ref()),
            self.shown(self.stock.as_ref().or(self.one_rank.as_ref())),
            self.shown(self.best()),
            self.shown(several("plain")),
            self.shown(several("fused").or_else(|| several("indexed_fused"))),
            number(self.ratio()),
            target,
            self.verdict().to_owned(),
        ];
        format!("| {} |", cells.join(" | "))
    }

    /// A cell of the table.
    pub fn shown(&self, measured: Option<&Measured>) -> String {
        match (measured, self.workload.quantity) {
            (None, _) => String::new(),
            (Some(measured), Quantity::Time) => digits(measured.median),
            (Some(measured), Quantity::Memory(_)) => format!("{:.1} MB", measured.median),
        }
    }

    /// The last cell of a line.
    pub fn verdict(&self) -> &'static str {
        match (&self.fault, &self.note, self.reached()) {
            (Some(_), ..) => "FAULT",
            (None, Some(_), _) => "see below",
            (None, None, _) if self.disturbed => "disturbed",
            (None, None, Some(true)) => "reached",
            (None, None, Some(false)) => "below",
            (None, None, None) => "",
        }
    }

    /// Its gains, if it holds a row with fewer threads; none where others disturbed.
    pub fn gains(&self) -> Gains {
        let fewer = self.fewer.as_deref().filter(|fewer| !fewer.disturbed && !self.disturbed);
        let gain = |of: fn(&Row) -> Option<&Measured>| Some(of(fewer?)?.median / of(self)?.median);
        Gains {
            candlelight: gain(|row| row.candlelight.as_ref()),
            stock: gain(|row| row.stock.as_ref()),
            torch: gain(Row::best),
        }
    }

    /// An object of the list: the five keys that every row has, and more.
    pub fn json(&self) -> Value {
        let (unit, is_time) = match self.workload.quantity {
            Quantity::Time => ("ms", true),
            Quantity::Memory(_) => ("mb", false),
        };
        let median = |measured: Option<&Measured>| measured.map(|measured| measured.median);
        let mut row = Map::new();
        row.insert("workload".into(), json!(self.workload.name));
        row.insert("threads".into(), json!(self.threads));
        let columns = [
            ("candlelight", self.candlelight.as_ref()),
            ("stock_candle", self.stock.as_ref()),
            ("one_rank", self.one_rank.as_ref()),
            ("pytorch", self.best()),
        ];
        for (name, measured) in columns {
            row.insert(format!("{name}_ms"), json!(median(measured).filter(|_| is_time)));
            if !is_time {
                row.insert(format!("{name}_mb"), json!(median(measured)));
            }
        }
        row.insert("ratio".into(), json!(self.ratio()));
        for (variant, measured) in &self.torch {
            row.insert(format!("pytorch_{variant}_{unit}"), json!(measured.median));
        }
        row.insert("target".into(), json!(self.workload.target));
        if let Some(target) = self.workload.plain_target {
            row.insert("target_to_plain".into(), json!(target));
        }
        row.insert("reached".into(), json!(self.reached()));
        for (name, measured) in columns.into_iter().filter(|_| is_time) {
            if let Some(measured) = measured {
                row.insert(format!("{name}_range_ms"), json!(measured.range));
                row.insert(format!("{name}_rounds"), json!(measured.rounds));
            }
        }
        for (name, value) in [("difference", self.difference), ("other_cores", self.others)] {
            if let Some(value) = value {
                row.insert(name.into(), json!(value));
            }
        }
        if self.disturbed {
            row.insert("disturbed".into(), json!(true));
        }
        for (name, text) in [("note", &self.note), ("fault", &self.fault)] {
            if let Some(text) = text {
                row.insert(name.into(), json!(text));
            }
        }
        if let Some(fewer) = &self.fewer {
            row.insert("fewer_threads".into(), fewer.json());
            row.insert("gain_of_threads".into(), self.gains().json());
        }
        Value::Object(row)
    }
}

/// Time with fewer threads over time with more, of each program that has both.
#[derive(Debug, PartialEq)]
pub struct Gains {
    pub candlelight: Option<f64>,
    pub stock: Option<f64>,
    pub torch: Option<f64>,
}

impl Gains {
    /// As the rows of `--out` have it.
    pub fn json(&self) -> Value {
        json!({ "candlelight": self.candlelight, "stock_candle": self.stock, "pytorch": self.torch })
    }
}

/// A ratio, if there is one.
pub fn number(value: Option<f64>) -> String {
    value.map(|value| format!("{value:.2}")).unwrap_or_default()
}

/// Three significant digits.
pub fn digits(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v if v >= 0.1 => format!("{v:.3}"),
        v => format!("{v:.4}"),
    }
}
