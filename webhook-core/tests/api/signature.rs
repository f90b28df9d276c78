//! The header's grammar: what is read, what is ignored, what is refused and why.

use webhook_core::SignatureHeaderError::{
    self, Empty, MalformedSignature, MalformedTimestamp, MissingSignature, MissingTimestamp, NotVisibleAscii,
    RepeatedTimestamp, TooManySignatures,
};
use webhook_core::{MAX_SIGNATURES, SignatureHeader, Tolerance};

use crate::support::{NOW, P1, SECRET, at, receive, v1};

/// Writes a header: `{T}` is the correct `t`, `{G}` the correct `v1`, and `{B}` a wrong one.
fn written(pattern: &str) -> String {
    let good = v1(SECRET, &NOW.to_string(), P1);
    pattern.replace("{T}", &NOW.to_string()).replace("{G}", &good).replace("{B}", &"b".repeat(64))
}

#[test]
fn a_true_signature_is_found_in_every_harmless_form() {
    let capitals = format!("t={NOW},v1={}", v1(SECRET, &NOW.to_string(), P1).to_uppercase());
    let mixed = capitals.replace('F', "f");
    let sixteen = ["t={T}", &",v1={B}".repeat(MAX_SIGNATURES - 1), ",v1={G}"].concat();
    let nameless = ["t={T}", &",v1".repeat(100), ",v1={G}"].concat();
    let unknown = ["t={T}", &",x=1".repeat(1000), ",v1={G}"].concat();
    assert_ne!(mixed, capitals, "the true signature holds an F");
    for (name, pattern) in [
        ("as Stripe sends it", "t={T},v1={G},v0={B}"),
        ("several v1, the good one first", "t={T},v1={G},v1={B},v1={B}"),
        ("several v1, the good one last", "t={T},v1={B},v1={B},v1={G}"),
        ("the same v1 twice", "t={T},v1={G},v1={G}"),
        ("v1 before t", "v1={G},t={T}"),
        ("extra v1 not hex, before", "t={T},v1=zz,v1={G}"),
        (
            "extra v1 not hex, of the right length",
            "t={T},v1=zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz,v1={G}",
        ),
        ("extra v1 not hex, behind", "t={T},v1={G},v1=zz"),
        ("capital hex digits", &capitals),
        ("mixed hex digits", &mixed),
        ("space after the comma", "t={T}, v1={G}"),
        ("spaces and tabs around items", " \tt={T} \t,\t v1={G}\t "),
        ("space before t", " t={T},v1={G}"),
        ("trailing comma", "t={T},v1={G},"),
        ("leading comma", ",t={T},v1={G}"),
        ("doubled comma", "t={T},,v1={G}"),
        ("item without =", "t={T},potato,v1={G}"),
        ("t without = beside a good one", "t,t={T},v1={G}"),
        ("empty v1 beside a good one", "t={T},v1=,v1={G}"),
        ("v1 without = beside a good one", "t={T},v1,v1={G}"),
        ("100 v1 without = are not signatures", &nameless),
        ("unknown keys", "x=1,t={T},v2={B},v1={G},v10={B},t1=5,=,==,=5"),
        ("a thousand unknown keys", &unknown),
        ("schemes are case-sensitive", "T=1,t={T},V1={B},v1={G}"),
        ("16 v1, the good one last", &sixteen),
    ] {
        let header = written(pattern);
        let result = receive(&[SECRET], header.as_bytes(), P1, at(NOW), Tolerance::default());
        assert!(result.is_ok(), "{name}: {result:?} for {header}");
    }
}

#[test]
fn a_header_that_cannot_be_used_says_why() {
    let eight_kilobytes_of_commas = ",".repeat(8192);
    let seventeen = ["t={T}", &",v1={G}".repeat(MAX_SIGNATURES + 1)].concat();
    let seventeen_malformed = ["t={T},v1={G}", &",v1=x".repeat(MAX_SIGNATURES)].concat();
    let a_thousand = ["t={T}", &",v1={B}".repeat(1000)].concat();
    let one_digit_less = ["t={T},v1=", &"b".repeat(63)].concat();
    let rows: [(&str, &str, SignatureHeaderError); 37] = [
        ("absent, which servers read as empty", "", Empty),
        ("blanks", " \t ", Empty),
        ("line break only", "\r\n", Empty),
        ("two header lines, joined as Node does", "t={T},v1={G}, t={T},v1={G}", RepeatedTimestamp),
        ("no t", "v1={G}", MissingTimestamp),
        ("t without =", "t,v1={G}", MissingTimestamp),
        ("capital T", "T=1,v1={G}", MissingTimestamp),
        ("empty t", "t=,v1={G}", MalformedTimestamp),
        ("letters", "t=abc,v1={G}", MalformedTimestamp),
        ("NaN", "t=NaN,v1={G}", MalformedTimestamp),
        ("number and letters", "t=123abc,v1={G}", MalformedTimestamp),
        ("negative", "t=-1,v1={G}", MalformedTimestamp),
        ("plus sign", "t=+5,v1={G}", MalformedTimestamp),
        ("exponent", "t=1e9,v1={G}", MalformedTimestamp),
        ("fraction", "t=1.5,v1={G}", MalformedTimestamp),
        ("underscore, which Python's int() reads", "t=1_0,v1={G}", MalformedTimestamp),
        ("blank inside", "t=17 00,v1={G}", MalformedTimestamp),
        ("hexadecimal", "t=0x5,v1={G}", MalformedTimestamp),
        ("another =", "t={T}={T},v1={G}", MalformedTimestamp),
        ("30 digits", "t=100000000000000000000000000000,v1={G}", MalformedTimestamp),
        ("20 digits, though u64 holds them", "t=10000000000000000000,v1={G}", MalformedTimestamp),
        ("20 digits, all but one of them 0", "t=00000000000000000001,v1={G}", MalformedTimestamp),
        ("digits of another script", "t=٣,v1={G}", NotVisibleAscii),
        ("t twice, the same", "t={T},t={T},v1={G}", RepeatedTimestamp),
        ("t twice, the good one first", "t={T},v1={G},t=5", RepeatedTimestamp),
        ("t twice, one of them empty", "t=,t={T},v1={G}", RepeatedTimestamp),
        ("no v1", "t={T}", MissingSignature),
        ("only v0", "t={T},v0={G}", MissingSignature),
        ("only unknown schemes", "t={T},v2={G},V1={G}", MissingSignature),
        ("v1 without =", "t={T},v1", MissingSignature),
        ("v1 empty", "t={T},v1=", MalformedSignature),
        ("one digit less", &one_digit_less, MalformedSignature),
        ("one digit more", "t={T},v1={G}0", MalformedSignature),
        ("v1=good=extra", "t={T},v1={G}=extra", MalformedSignature),
        ("not hex", "t={T},v1=potato", MalformedSignature),
        ("17 v1, each of them good", &seventeen, TooManySignatures),
        ("17 v1, one of them good", &seventeen_malformed, TooManySignatures),
    ];
    let more = [
        ("a thousand", &a_thousand[..], TooManySignatures),
        ("8 KB of commas", &eight_kilobytes_of_commas, MissingTimestamp),
        ("=", "=", MissingTimestamp),
        ("==", "==", MissingTimestamp),
    ];
    for (name, pattern, expected) in rows.into_iter().chain(more) {
        let header = written(pattern);
        let error = SignatureHeader::parse(header.as_bytes()).unwrap_err();
        assert_eq!(error, expected, "{name}: {header}");
    }
}

#[test]
fn only_visible_ascii_and_blanks_are_read() {
    for byte in 0..=u8::MAX {
        let header = [written("t={T},x=").as_bytes(), &[byte], written(",v1={G}").as_bytes()].concat();
        let result = SignatureHeader::parse(&header).map(|_| ());
        let readable = matches!(byte, b'\t' | b' '..=b'~');
        assert_eq!(result, if readable { Ok(()) } else { Err(NotVisibleAscii) }, "byte {byte:#04x}");
    }
    // One of Stripe's libraries throws at this instead of ignoring or refusing it.
    let before_the_good_one = written("t={T},v1=é,v1={G}");
    let error = SignatureHeader::parse(before_the_good_one.as_bytes()).unwrap_err();
    assert_eq!(error, NotVisibleAscii);
}

#[test]
fn a_timestamp_of_up_to_19_digits_is_read_exactly() {
    for (text, expected) in [
        ("0", 0),
        ("00", 0),
        ("007", 7),
        ("0000000000000000007", 7),
        ("2147483648", 1 << 31),
        ("4294967296", 1 << 32),
        ("9223372036854775808", 1 << 63),
        ("9999999999999999999", 9_999_999_999_999_999_999),
    ] {
        let header = format!("t={text},v1={}", "b".repeat(64));
        assert_eq!(SignatureHeader::parse(header.as_bytes()).unwrap().timestamp(), expected, "{text}");
    }
}

#[test]
fn each_refusal_reads_as_a_sentence() {
    for (error, expected) in [
        (Empty, "the signature header is empty"),
        (MalformedSignature, "no `v1` in the signature header has 64 hexadecimal digits"),
        (MalformedTimestamp, "`t` in the signature header is not a number of 1 to 19 digits"),
        (MissingSignature, "the signature header has no `v1`"),
        (MissingTimestamp, "the signature header has no `t`"),
        (NotVisibleAscii, "the signature header contains something other than visible ASCII"),
        (RepeatedTimestamp, "the signature header has more than one `t`"),
        (TooManySignatures, "the signature header has more than 16 `v1`"),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_header_shows_its_time_and_the_number_of_its_signatures() {
    let text = written("t={T},v1={G},v1={B}");
    let header = SignatureHeader::parse(text.as_bytes()).unwrap();
    assert_eq!(format!("{header:?}"), format!("SignatureHeader {{ timestamp: {NOW}, signatures: 2 }}"));
}
