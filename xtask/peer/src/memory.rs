//! Memory of this process, as Linux counts it.

/// Forgets the peak so far; the present size in bytes, or none without Linux's `/proc`.
pub fn reset_peak() -> Option<f64> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    read("VmRSS:")
}

/// The largest size since [`reset_peak`], in bytes.
pub fn peak() -> Option<f64> {
    read("VmHWM:")
}

fn read(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.trim();
    Some(kib.parse::<f64>().ok()? * 1024.0)
}
