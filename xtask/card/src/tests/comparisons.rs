//! `setp`, `set`, `testp`.

use super::compute;

fn holds(how: &str, kind: &str, a: u64, b: u64) -> bool {
    compute(&format!("setp.{how}.{kind} %p, %a, %b;"), "pred", kind, &[a, b]) as u32 == 1
}

#[test]
fn integers_have_a_sign_or_none() {
    assert!(holds("lt", "s32", 0xffff_ffff, 0));
    assert!(!holds("lt", "u32", 0xffff_ffff, 0));
    assert!(holds("ge", "s64", 0, u64::MAX));
    assert!(holds("hi", "u64", u64::MAX, 0));
    assert!(holds("ls", "u32", 3, 3));
    assert!(holds("ne", "s16", 1, 2));
    assert!(holds("eq", "b32", 5, 5));
    assert!(holds("gt", "s16", 1, 0xffff));
}

#[test]
fn what_is_no_number_has_no_order() {
    for (kind, nan, one, two) in [
        ("f32", u64::from(f32::NAN.to_bits()), u64::from(1f32.to_bits()), u64::from(2f32.to_bits())),
        ("f64", f64::NAN.to_bits(), 1f64.to_bits(), 2f64.to_bits()),
    ] {
        for how in ["eq", "ne", "lt", "le", "gt", "ge", "num"] {
            assert!(!holds(how, kind, nan, one), "{how}.{kind}");
        }
        for how in ["equ", "neu", "ltu", "leu", "gtu", "geu", "nan"] {
            assert!(holds(how, kind, one, nan), "{how}.{kind}");
        }
        for (how, expected) in [
            ("eq", false),
            ("ne", true),
            ("lt", true),
            ("le", true),
            ("gt", false),
            ("ge", false),
            ("equ", false),
            ("neu", true),
            ("ltu", true),
            ("leu", true),
            ("gtu", false),
            ("geu", false),
            ("num", true),
            ("nan", false),
        ] {
            assert_eq!(holds(how, kind, one, two), expected, "{how}.{kind}");
        }
    }
    assert!(holds("eq", "f32", 0x8000_0000, 0));
    assert!(!holds("eq.ftz", "f32", 0x0080_0000, 1));
    assert!(holds("eq.ftz", "f32", 0, 1));
    assert!(!holds("eq", "f32", 0, 1));
}

#[test]
fn comparisons_are_put_together_with_predicates() {
    let with = |how: &str, first: u64| {
        let text = format!("setp.eq.u32 %q, %a, 1; setp.lt.{how}.u32 %p, %b, 5, %q;");
        compute(&text, "pred", "u32", &[first, 3]) as u32 == 1
    };
    assert!(with("and", 1) && !with("and", 0) && with("or", 0) && !with("xor", 1));
    let negated = compute("setp.eq.u32 %q, %a, 1; setp.lt.and.u32 %p, %b, 5, !%q;", "pred", "u32", &[1, 3]) as u32;
    assert_eq!(negated, 0);
    // The second result is that of the opposite.
    assert_eq!(compute("setp.lt.u32 %q|%p, %a, %b;", "pred", "u32", &[1, 3]) as u32, 0);
    assert_eq!(compute("setp.lt.u32 %q|%p, %a, %b;", "pred", "u32", &[4, 3]) as u32, 1);
}

#[test]
fn set_and_testp() {
    assert_eq!(compute("set.lt.u32.s32 %d, %a, %b;", "u32", "s32", &[0xffff_ffff, 3]), 0xffff_ffff);
    assert_eq!(compute("set.lt.f32.s32 %d, %a, %b;", "f32", "s32", &[1, 3]) as u32, 1f32.to_bits());
    for (how, bits, expected) in [
        ("finite", 0x7f80_0000, 0),
        ("infinite", 0xff80_0000, 1),
        ("notanumber", 0x7fc0_0000, 1),
        ("number", 0x7fc0_0000, 0),
        ("subnormal", 1, 1),
        ("normal", 0x3f80_0000, 1),
    ] {
        assert_eq!(compute(&format!("testp.{how}.f32 %p, %a;"), "pred", "f32", &[bits]) as u32, expected, "{how}");
    }
}

#[test]
fn a_predicate_guards_one_instruction() {
    let text = |guard: &str| format!("setp.eq.u32 %q, %a, 1; mov.u32 %d, 7; {guard} mov.u32 %d, 9;");
    assert_eq!(compute(&text("@%q"), "u32", "u32", &[1]), 9);
    assert_eq!(compute(&text("@%q"), "u32", "u32", &[0]), 7);
    assert_eq!(compute(&text("@!%q"), "u32", "u32", &[1]), 7);
    let joined = "setp.eq.u32 %q, %a, 1; not.pred %p, %q; and.pred %p, %p, %q;";
    assert_eq!(compute(joined, "pred", "u32", &[1]) as u32, 0);
}
