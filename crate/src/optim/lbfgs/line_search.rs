use crate::Result;

/// Sufficient decrease: the loss falls by at least this share of what the slope promises.
const C1: f64 = 1e-4;
/// Curvature: the slope shrinks at least to this share.
const C2: f64 = 0.9;
/// A bracket that is shorter in every coordinate is a point.
const TOLERANCE: f64 = 1e-9;

/// A point on the line θ + t d.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) t: f64,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
    /// gᵀd
    pub(super) slope: f64,
}

/// Looks for a point that satisfies the strong Wolfe conditions
///
/// ```text
/// f(t) ≤ f(0) + c₁ t f'(0)   and   |f'(t)| ≤ c₂ |f'(0)|
/// ```
///
/// first outwards until one is bracketed, then inwards; each trial is the minimum of the cubic through two points.
/// Returns the best point, and how often `at` was called: at most `max` times after the first. Nocedal and Wright
/// (2006), algorithms 3.5 and 3.6, with the safeguards of PyTorch.
pub(super) fn strong_wolfe(
    mut at: impl FnMut(f64) -> Result<Point>,
    start: Point,
    t: f64,
    greatest_direction: f64,
    max: usize,
) -> Result<(Point, usize)> {
    let falls = |point: &Point| point.value <= start.value + C1 * point.t * start.slope;
    let flat = |point: &Point| point.slope.abs() <= -C2 * start.slope;
    let (mut previous, mut new) = (start.clone(), at(t)?);
    let (mut calls, mut rounds) = (1, 0);
    let mut bracket = loop {
        if rounds == max {
            break [start.clone(), new];
        }
        if !falls(&new) || (rounds > 1 && new.value >= previous.value) {
            break [previous, new];
        }
        if flat(&new) {
            return Ok((new, calls));
        }
        if new.slope >= 0.0 {
            break [previous, new];
        }
        let (least, most) = (new.t + 0.01 * (new.t - previous.t), new.t * 10.0);
        let t = cubic_minimum(&previous, &new, least, most);
        previous = new;
        new = at(t)?;
        calls += 1;
        rounds += 1;
    };

    let mut low = usize::from(bracket[0].value > bracket[1].value);
    let mut close_to_an_end = false;
    while rounds < max {
        let (left, right) = (bracket[0].t.min(bracket[1].t), bracket[0].t.max(bracket[1].t));
        if (right - left) * greatest_direction < TOLERANCE {
            break;
        }
        let mut t = cubic_minimum(&bracket[0], &bracket[1], left, right);
        // Twice in a row close to an end, or at it: move away from it, or the bracket hardly shrinks.
        let margin = 0.1 * (right - left);
        if (right - t).min(t - left) < margin {
            if close_to_an_end || t >= right || t <= left {
                t = if (t - right).abs() < (t - left).abs() { right - margin } else { left + margin };
                close_to_an_end = false;
            } else {
                close_to_an_end = true;
            }
        } else {
            close_to_an_end = false;
        }
        let new = at(t)?;
        calls += 1;
        rounds += 1;
        let high = 1 - low;
        if !falls(&new) || new.value >= bracket[low].value {
            bracket[high] = new;
            low = usize::from(bracket[0].value > bracket[1].value);
        } else {
            let done = flat(&new);
            if !done && new.slope * (bracket[high].t - bracket[low].t) >= 0.0 {
                // The minimum is on the other side of the new point: the old low becomes the high.
                bracket.swap(low, high);
            }
            bracket[low] = new;
            if done {
                break;
            }
        }
    }
    let [first, second] = bracket;
    Ok((if low == 0 { first } else { second }, calls))
}

/// Where the cubic that has the values and slopes of both points is least between the bounds; their middle if it has no
/// minimum.
fn cubic_minimum(a: &Point, b: &Point, least: f64, most: f64) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.t - b.t);
    let square = d1 * d1 - a.slope * b.slope;
    if square >= 0.0 {
        let d2 = square.sqrt();
        let t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
        t.max(least).min(most)
    } else {
        (least + most) / 2.0
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// a + t b
pub(super) fn moved(a: &[f64], t: f64, b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + t * b).collect()
}
