//! The examples that the help prints are run as they are printed.

use super::world::World;

/// The lines after `Example:` or `Examples:` in the help of a command and those below it.
fn examples(command: &[&str], world: &World, found: &mut Vec<String>) {
    let help = world.run(&[command, &["--help"]].concat()).ends(0, &[]).out;
    let mut after = help.lines().skip_while(|l| !l.starts_with("Example"));
    after.next();
    found.extend(after.filter(|l| l.starts_with("  ")).map(|l| l.trim().to_owned()));
    let commands = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    for line in commands {
        let name = line.trim_start().split(' ').next().unwrap_or("");
        if line.starts_with("  ") && !line.starts_with("   ") && !["help", ""].contains(&name) {
            examples(&[command, &[name]].concat(), world, found);
        }
    }
}

#[test]
fn the_examples_of_the_help_run() {
    let world = World::new();
    let mut all = Vec::new();
    examples(&[], &world, &mut all);
    assert!(all.len() >= 20, "{all:#?}");
    for stub in ["pass", "some-command"] {
        world.stub(stub, "cat > /dev/null");
    }
    world.stub("man", "cat > /dev/null");
    world.stub("git", "echo nothing");
    let secret = world.key("Grafana");
    for name in ["Old report", "Test line", "Weekly report"] {
        world.key(name);
    }
    std::fs::create_dir_all(world.path("src")).unwrap();
    std::fs::create_dir_all(world.path(".local/share/bash-completion/completions")).unwrap();
    std::fs::write(world.path(".env"), "").unwrap();
    std::fs::write(world.path("code.txt"), world.admin_code("ada@plant.example", "invite")).unwrap();
    let grafana = world.id("Grafana");
    let mut failed = Vec::new();
    for example in all {
        std::fs::write(world.path("key.txt"), &secret).unwrap();
        if example.contains("--write-to key.txt") {
            std::fs::remove_file(world.path("key.txt")).unwrap();
        }
        // The addresses of the examples are not ours; a prompt has nobody to ask here.
        let line = example
            .replace("https://keys.plant.example", &world.url)
            .replace("https://app.plant.example", &world.url)
            .replace("01987c4e-2b7a-7c31-9a53-0d6f3c1e8a21", &grafana);
        if line.starts_with("keyward login http") {
            continue;
        }
        let mut ran = world.shell(&line);
        if ran.code == 2 && ran.err.contains("--yes") {
            ran = world.shell(&format!("{line} --yes"));
        }
        if ran.code != 0 {
            failed.push((line, ran));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}
