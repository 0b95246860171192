//! `reeve completions` and `reeve man`: both derive from the one table of commands.

use clap::Args;

use super::terminal::Terminal;
use super::{Exit, Failure, code};

/// Completions for a shell.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell.
    shell: clap_complete::Shell,
}

impl Completions {
    pub fn run(self, terminal: &mut Terminal, table: &mut clap::Command) -> Exit {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, table, "reeve", &mut text);
        terminal.data(&String::from_utf8_lossy(&text))?;
        Ok(code::DONE)
    }
}

/// The man page: the program, then each command with its arguments and flags.
pub fn man(terminal: &mut Terminal, mut table: clap::Command) -> Exit {
    table.build();
    let failed = |error: std::io::Error| Failure::new(code::ERROR, error.to_string());
    let mut page = Vec::new();
    clap_mangen::Man::new(table.clone()).render(&mut page).map_err(failed)?;
    let mut text = String::from_utf8_lossy(&page).into_owned();
    text.push_str(".SH COMMANDS\n");
    commands(&table, &mut text).map_err(failed)?;
    terminal.data(&text)?;
    Ok(code::DONE)
}

/// Each command below `table` as a part of one section: what it does, how it is called, its flags.
fn commands(table: &clap::Command, text: &mut String) -> std::io::Result<()> {
    for command in table.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        let man = clap_mangen::Man::new(command.clone());
        let mut part = Vec::new();
        man.render_synopsis_section(&mut part)?;
        man.render_description_section(&mut part)?;
        if command.get_arguments().any(|argument| !argument.is_hide_set()) {
            man.render_options_section(&mut part)?;
        }
        let name = command.get_bin_name().unwrap_or(command.get_name());
        text.push_str(&format!(".SS {name}\n"));
        // Headings of a page of its own become paragraphs of this one, which has defined its quotes already.
        for line in String::from_utf8_lossy(&part).lines().filter(|line| !line.starts_with(".ie ") && !line.starts_with(".el ")) {
            text.push_str(if line.starts_with(".SH ") { ".PP" } else { line });
            text.push('\n');
        }
        commands(command, text)?;
    }
    Ok(())
}
