//! Rounding to the two decimals of the JSON form.

/// `part / whole` with two decimals, rounded half away from zero on the exact quotient; 0 if `whole` is 0.
pub(super) fn two_decimals(part: i128, whole: i128) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    let twice_hundredths = part.unsigned_abs().saturating_mul(200) / whole.unsigned_abs();
    let hundredths = (twice_hundredths / 2 + twice_hundredths % 2) as f64;
    if hundredths != 0.0 && (part < 0) != (whole < 0) {
        -hundredths / 100.0
    } else {
        hundredths / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::two_decimals;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!(two_decimals(1_005, 1_000), 1.01);
        assert_eq!(two_decimals(-1_005, 1_000), -1.01);
        assert_eq!(two_decimals(1_004_999, 1_000_000), 1.0);
        assert_eq!(two_decimals(2, 3), 0.67);
        assert_eq!(two_decimals(100, 3), 33.33);
    }

    #[test]
    fn zero_has_no_sign_and_a_division_by_zero_is_zero() {
        assert!(two_decimals(-1, 1_000).is_sign_positive());
        assert_eq!(two_decimals(7, 0), 0.0);
    }

    #[test]
    fn huge_values_do_not_overflow() {
        assert!(two_decimals(i128::MIN, 1).is_finite());
        assert_eq!(two_decimals(i128::from(i64::MAX), 1), i64::MAX as f64);
    }
}
