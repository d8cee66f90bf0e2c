//! Processor time, as Linux counts it.

/// The unit of Linux's processor times: its `USER_HZ` is 100 on every platform.
const TICK: f64 = 0.01;

/// Seconds of processor time that a process and its living descendants have used.
pub fn time_of(process: u32) -> Option<f64> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    Some(time_of_one(process)? + children.filter_map(time_of).sum::<f64>())
}

fn time_of_one(process: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold blanks.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?) * TICK)
}

/// Seconds that all processors together have not been idle.
pub fn time_of_all() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let times: Vec<f64> = text.lines().next()?.split_whitespace().skip(1).map_while(|time| time.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guest times are part of user's.
    let busy = |(place, time): (usize, &f64)| if place == 3 || place == 4 { 0.0 } else { *time };
    Some(times.iter().take(8).enumerate().map(busy).sum::<f64>() * TICK)
}
