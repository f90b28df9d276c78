//! What does not compile with these API versions enabled, and what does.

#[test]
fn mistakes_do_not_compile() {
    let set =
        match (cfg!(feature = "acacia_and_endive"), cfg!(feature = "acacia"), cfg!(feature = "2024_06_20")) {
            (true, false, false) => "acacia_and_endive",
            (false, true, false) => "acacia",
            (false, false, true) => "2024_06_20",
            _ => panic!("enable one of the sets of versions"),
        };
    let cases = trybuild::TestCases::new();
    cases.compile_fail(format!("ui/{set}/*.rs"));
    cases.pass(format!("ui/{set}/right/*.rs"));
}
