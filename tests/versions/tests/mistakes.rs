//! What does not compile with these API versions enabled, and what does.

macro_rules! enabled {
    ($($set:tt)*) => { [$(($set, cfg!(feature = $set))),*] };
}

#[test]
fn mistakes_do_not_compile() {
    let enabled = enabled!("acacia" "acacia_and_endive" "endive" "2023_08_16_and_endive" "2024_06_20" "none");
    let [(set, _)] = enabled.into_iter().filter(|(_, is)| *is).collect::<Vec<_>>()[..] else {
        panic!("enable one of the sets of versions")
    };
    let cases = trybuild::TestCases::new();
    cases.compile_fail(format!("ui/{set}/*.rs"));
    cases.pass(format!("ui/{set}/right/*.rs"));
}
