//! Runs the examples of the help texts exactly as printed.

use super::cli_fixture::CliFixture;

/// Adds the examples in the help texts of a command and its subcommands to `found`.
fn collect_examples(command: &[&str], cli: &CliFixture, found: &mut Vec<String>) {
    let help = cli.run(&[command, &["--help"]].concat()).expect_exit(0, &[]).out;
    let mut after = help.lines().skip_while(|l| !l.starts_with("Example"));
    after.next();
    found.extend(after.filter(|l| l.starts_with("  ")).map(|l| l.trim().to_owned()));
    let commands = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    for line in commands {
        let name = line.trim_start().split(' ').next().unwrap_or("");
        if line.starts_with("  ") && !line.starts_with("   ") && !["help", ""].contains(&name) {
            collect_examples(&[command, &[name]].concat(), cli, found);
        }
    }
}

#[test]
fn examples_in_help_texts_run_as_printed() {
    let cli = CliFixture::new();
    let mut all_examples = Vec::new();
    collect_examples(&[], &cli, &mut all_examples);
    assert!(all_examples.len() >= 20, "{all_examples:#?}");
    for stub in ["pass", "some-command"] {
        cli.install_stub(stub, "cat > /dev/null");
    }
    cli.install_stub("man", "cat > /dev/null");
    cli.install_stub("git", "echo nothing");
    let secret = cli.create_key("Grafana");
    for name in ["Old report", "Test line", "Weekly report"] {
        cli.create_key(name);
    }
    std::fs::create_dir_all(cli.path("src")).unwrap();
    std::fs::create_dir_all(cli.path(".local/share/bash-completion/completions")).unwrap();
    std::fs::write(cli.path(".env"), "").unwrap();
    std::fs::write(cli.path("code.txt"), cli.create_admin_code("ada@plant.example", "invite")).unwrap();
    let grafana = cli.key_id("Grafana");
    let mut failed = Vec::new();
    for example in all_examples {
        std::fs::write(cli.path("key.txt"), &secret).unwrap();
        if example.contains("--write-to key.txt") {
            std::fs::remove_file(cli.path("key.txt")).unwrap();
        }
        // The examples name other addresses. A command that would prompt gets --yes below.
        let line = example
            .replace("https://keys.plant.example", &cli.url)
            .replace("https://app.plant.example", &cli.url)
            .replace("01987c4e-2b7a-7c31-9a53-0d6f3c1e8a21", &grafana);
        if line.starts_with("keyward login http") {
            continue;
        }
        let mut ran = cli.shell(&line);
        if ran.code == 2 && ran.err.contains("--yes") {
            ran = cli.shell(&format!("{line} --yes"));
        }
        if ran.code != 0 {
            failed.push((line, ran));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
