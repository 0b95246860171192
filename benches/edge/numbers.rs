//! Many numbers in one.

/// The one in the middle.
pub fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = numbers.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The largest.
pub fn worst(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(f64::MIN, f64::max)
}
