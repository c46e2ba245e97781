//! Numbers as people read them.

/// A number with about three digits that count: `0.41`, `4.10`, `41.0`, `410`, `41,000`.
pub(crate) fn three_digits(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v if v < 1e4 => thousands(v.round() as u64),
        v => {
            let step = 10f64.powi(v.log10().floor() as i32 - 2);
            thousands(((v / step).round() * step) as u64)
        }
    }
}

/// Digits in groups of three.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as percent, with a digit behind the point.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A small share: in percent with two digits that count, or in parts of a million.
pub(crate) fn rare(share: f64) -> String {
    match share {
        s if s <= 0.0 => "0".to_owned(),
        s if s >= 0.001 => format!("{:.2} %", 100.0 * s),
        s => format!("{} in a million", three_digits(1e6 * s)),
    }
}

/// `1 file`, `2 files`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, text) in [
            (0.0, "0.00"),
            (4.096, "4.10"),
            (41.04, "41.0"),
            (1234.4, "1,234"),
            (283_456.0, "283,000"),
            (9_999_999.0, "10,000,000"),
        ] {
            assert_eq!(three_digits(value), text);
        }
        assert_eq!(percent(0.9876), "98.8 %");
        assert_eq!(rare(0.0), "0");
        assert_eq!(rare(0.0123), "1.23 %");
        assert_eq!(rare(0.000_012), "12.0 in a million");
    }
}
