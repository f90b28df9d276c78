//! Programs that read other API versions than the newest: `tests/versions`, a workspace of its own, with several sets of
//! versions.

use std::path::Path;
use std::process::Command;

use product_tests::run;

#[test]
fn each_set_of_versions_is_judged_by_its_own_versions() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("versions");
    // One folder, so that what does not depend on the versions is built once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versions");
    for (set, tests) in [
        ("acacia", &["--tests"][..]),
        ("acacia_and_endive", &["--tests"]),
        ("endive", &["--tests"]),
        ("2023_08_16_and_endive", &["--test", "mistakes"]),
        ("2024_06_20", &["--tests"]),
        ("none", &["--test", "mistakes"]),
        ("all", &["--test", "samples"]),
    ] {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(&package).env("CARGO_TARGET_DIR", &target).args([
            "test",
            "--locked",
            "--features",
            set,
        ]);
        run(cargo.args(tests)).with_code(0);
    }
}
