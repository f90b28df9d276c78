//! The header's parser against its model.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::model::hmac::hex;
use crate::model::signature::compare;

fn agrees(value: &[u8]) -> Result<(), TestCaseError> {
    compare(value).map(drop).map_err(TestCaseError::fail)
}

/// Pieces that make headers which are nearly right.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let blank = || prop_oneof![100 => Just(""), 9 => Just(" "), 9 => Just("\t "), 1 => Just("\u{a0}")];
    let time = prop_oneof![
        8 => (0..=9_999_999_999_999_999_999_u64).prop_map(|number| number.to_string()),
        1 => any::<u64>().prop_map(|number| format!("{number:020}")),
        1 => "[0-9+_a-]{0,4}",
    ];
    let hexadecimal = any::<[u8; 32]>().prop_map(|bytes| hex(&bytes));
    // Too short, too long, in capitals, with another letter in it, and nothing of the kind.
    let spoilt = (hexadecimal.clone(), 0..5).prop_map(|(v1, how)| match how {
        0 => v1[1..].to_owned(),
        1 => v1 + "0",
        2 => v1.to_uppercase(),
        3 => v1.replace('a', "g"),
        _ => "=v1".to_owned(),
    });
    let item = prop_oneof![
        4 => hexadecimal.prop_map(|v1| format!("v1={v1}")),
        2 => spoilt.prop_map(|v1| format!("v1={v1}")),
        2 => select(vec!["v0=a", "V1=b", "T=1", "x", "t", "v1", "=", "", "v1="]).prop_map(str::to_owned),
    ];
    let times = prop_oneof![8 => vec(time.clone(), 1), 1 => vec(time, 0..3)];
    let items = (times, vec(item, 0..24)).prop_map(|(times, items)| {
        times.into_iter().map(|time| format!("t={time}")).chain(items).collect::<Vec<_>>()
    });
    (items.prop_shuffle(), vec((blank(), blank()), 26)).prop_map(|(items, blanks)| {
        let spaced = items.iter().zip(blanks).map(|(item, (before, after))| format!("{before}{item}{after}"));
        spaced.collect::<Vec<_>>().join(",").into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_as_the_model_says(value: Vec<u8>) {
        agrees(&value)?;
    }

    #[test]
    fn any_text_of_the_headers_letters_is_read_as_the_model_says(value in "[tv01=, a-]{0,40}") {
        agrees(value.as_bytes())?;
    }

    #[test]
    fn headers_that_are_nearly_right_are_read_as_the_model_says(value in header()) {
        agrees(&value)?;
    }

    #[test]
    fn one_wrong_byte_in_a_header_is_read_as_the_model_says(
        mut value in header(), at: Index, byte: u8,
    ) {
        if !value.is_empty() {
            let at = at.index(value.len());
            value[at] = byte;
        }
        agrees(&value)?;
    }
}
