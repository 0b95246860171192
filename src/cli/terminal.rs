//! The streams: data to stdout, talk to stderr, colour only to a terminal.

use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use super::{Color, Failure, code, hint};
use crate::model::plan::Plan;
use crate::planes::aws::stats::Stats;
use crate::view::{self, Style};

/// What came of a write to stdout.
fn written(outcome: std::io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(code::ERROR, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Where output goes, and what the command line was.
#[derive(Debug)]
pub struct Terminal {
    /// How stdout may look.
    pub out: Style,
    /// How stderr may look.
    pub err: Style,
    /// Whether stderr is a terminal whose last line may be written over.
    pub live: bool,
    /// The command line.
    pub line: String,
    /// The stack's folder as it was written, when one was.
    folder: Option<PathBuf>,
    /// What is counted.
    pub counted: Stats,
    stats_wanted: bool,
    actions: BTreeMap<String, u64>,
}

impl Terminal {
    /// Looks at the streams and at `NO_COLOR`.
    pub fn new(color: Color, line: String, folder: Option<PathBuf>) -> Self {
        let may = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal
                    && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
                    && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
            }
        };
        let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            out: Style { color: may(out) },
            err: Style { color: may(err) },
            live: err,
            line,
            folder,
            counted: Stats::default(),
            stats_wanted: false,
            actions: BTreeMap::new(),
        }
    }

    /// Data, to stdout. A pipe that its reader closed is not an error: `head` has seen enough.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        written(out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush()))
    }

    /// Talk, to stderr. Nobody could be told that it failed.
    pub fn say(&self, text: &str) {
        self.raw(&self.fill(text));
    }

    fn raw(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    }

    /// `text` for a person: its commands name the folder.
    pub fn fill(&self, text: &str) -> String {
        hint::fill(text, self.folder.as_deref())
    }

    /// What the parser has to say: help and version to stdout, a wrong line to stderr. The answer is the exit code.
    pub fn usage(error: &clap::Error) -> u8 {
        let printed = error.print().and_then(|()| std::io::stdout().flush());
        match written(printed) {
            _ if error.use_stderr() => code::USAGE,
            Ok(()) => code::DONE,
            Err(failure) => {
                let _ = writeln!(std::io::stderr().lock(), "{}", view::failure::human(&failure.message, None, Style::default()).trim_end());
                failure.code
            }
        }
    }

    /// How many characters fit on a line of stderr.
    pub fn width(&self) -> usize {
        terminal_size::terminal_size_of(std::io::stderr()).map_or(100, |(width, _)| usize::from(width.0))
    }

    /// Writes over the living line.
    pub fn status(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "\r\u{1b}[2K{text}");
        let _ = err.flush();
    }

    /// An error with advice.
    pub fn failure(&self, message: &str, advice: Option<&str>) {
        self.say(&view::failure::human(message, advice, self.err));
    }

    /// `--stats` was given.
    pub fn want_stats(&mut self, wanted: bool) {
        self.stats_wanted = wanted;
    }

    /// What `--stats` says of a plan.
    pub fn count_actions(&mut self, plan: &Plan) {
        self.actions = view::words::statistics(plan).into_iter().map(|(class, number)| (class.to_owned(), number as u64)).collect();
    }

    /// Prints the statistics, when they were asked for, as the last line of stderr.
    pub fn stats(&self) {
        if self.stats_wanted {
            self.raw(&self.counted.to_json(&self.actions).to_string());
        }
    }

    /// Whether there is somebody to ask.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    /// Asks for a `yes`. `None` when there is nobody to ask.
    pub async fn ask(&self, question: &str) -> Option<bool> {
        Some(self.typed(&format!("{question} Only `yes` is taken:")).await? == "yes")
    }

    /// What a person types. `None` when there is nobody to ask.
    pub async fn typed(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "{question} ");
            let _ = err.flush();
        }
        // On a thread of its own, so that a Ctrl-C is heard meanwhile.
        let read = || {
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer).ok().map(|_| answer)
        };
        let answer = tokio::task::spawn_blocking(read).await.ok()??;
        Some(answer.trim().to_owned())
    }
}
