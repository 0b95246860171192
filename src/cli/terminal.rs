//! The streams: data to stdout, talk to stderr, colour only to a terminal.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use super::Color;
use crate::model::plan::Plan;
use crate::planes::aws::stats::Stats;
use crate::view::{self, Style};

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
    /// What is counted.
    pub counted: Stats,
    stats_wanted: bool,
    actions: BTreeMap<String, u64>,
}

impl Terminal {
    /// Looks at the streams and at `NO_COLOR`.
    pub fn new(color: Color, line: String) -> Self {
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
            counted: Stats::default(),
            stats_wanted: false,
            actions: BTreeMap::new(),
        }
    }

    /// Data, to stdout. A closed pipe is not an error.
    pub fn data(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// Talk, to stderr.
    pub fn say(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
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
        self.actions = plan.counts().into_iter().map(|(verb, number)| (view::verb(verb).2.to_owned(), number as u64)).collect();
    }

    /// Prints the statistics, when they were asked for, as the last line of stderr.
    pub fn stats(&self) {
        if self.stats_wanted {
            self.say(&self.counted.to_json(&self.actions).to_string());
        }
    }

    /// Whether there is somebody to ask.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    /// Asks for a `yes`. `None` when there is nobody to ask.
    pub async fn ask(&self, question: &str) -> Option<bool> {
        if !self.can_ask() {
            return None;
        }
        {
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "{question} Only `yes` is taken: ");
            let _ = err.flush();
        }
        // On a thread of its own, so that a Ctrl-C is heard meanwhile.
        let read = || {
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer).ok().map(|_| answer)
        };
        let answer = tokio::task::spawn_blocking(read).await.ok()??;
        Some(answer.trim() == "yes")
    }
}
