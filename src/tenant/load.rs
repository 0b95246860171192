//! Pouring an archive's SQL into a schema, as the tenant's own user.
//!
//! Views, triggers, routines and events name who made them (`DEFINER`). That user may be gone, and only an administrator may name another: so the
//! words are left out, and whoever loads is the one.

use std::io::Write;
use std::process::ChildStdin;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::program::{OptionFile, Program};
use super::watch::{Guarded, Watch};
use crate::planes::error::{Class, Error, Result};

/// A client that is being fed.
pub(super) struct Load {
    program: Guarded,
    watch: Watch,
    input: Option<ChildStdin>,
    /// The beginning of a line that is not long enough to tell what it is.
    head: Vec<u8>,
    in_line: bool,
}

/// More of a line need not be seen to find the words.
const HEAD: usize = 700;

const MAKERS: [&[u8]; 4] = [b"/*!50013 DEFINER=", b"/*!50003 CREATE*/ ", b"/*!50106 CREATE*/ ", b"CREATE DEFINER="];

#[allow(clippy::expect_used)] // a constant, which a test compiles
static DEFINER: LazyLock<Regex> = LazyLock::new(|| Regex::new("DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`").expect("a pattern"));

impl Load {
    pub fn begin(login: &OptionFile, schema: &str, watch: &Watch) -> Result<Self> {
        watch.may("mysql.Load")?;
        let mut child = Program::Client.start(login, schema)?;
        let input = child.stdin.take();
        Ok(Self { program: watch.guard(child)?, watch: watch.clone(), input, head: Vec::new(), in_line: false })
    }

    /// Gives it a piece more, when the lease covers that.
    pub fn feed(&mut self, mut sql: &[u8]) -> Result<()> {
        self.watch.may("mysql.Load")?;
        while !sql.is_empty() {
            let line = sql.iter().position(|byte| *byte == b'\n').map_or(sql.len(), |at| at + 1);
            let (part, rest) = sql.split_at(line);
            sql = rest;
            let ends = part.ends_with(b"\n");
            if self.in_line {
                self.write(part)?;
                self.in_line = !ends;
                continue;
            }
            self.head.extend_from_slice(part);
            if ends || self.head.len() >= HEAD {
                let head = without_definer(std::mem::take(&mut self.head));
                self.write(&head)?;
                self.in_line = !ends;
            }
        }
        Ok(())
    }

    /// Waits until everything was run.
    pub fn end(mut self) -> Result<()> {
        let head = without_definer(std::mem::take(&mut self.head));
        let written = self.write(&head);
        drop(self.input.take());
        // Why it ended early is what it says, not that it did.
        Program::Client.end(self.program)?;
        written
    }

    /// Ends it before its time; answers what it has to say, if that is why.
    pub fn abort(mut self, because: Error) -> Error {
        drop(self.input.take());
        if because.class != Class::Ambiguous {
            return because;
        }
        Program::Client.end(self.program).err().unwrap_or(because)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let gone = |error: std::io::Error| Error::new(Class::Ambiguous, "mariadb", format!("it takes no more: {error}"));
        self.input.as_mut().map_or(Ok(()), |input| input.write_all(bytes)).map_err(gone)
    }
}

fn without_definer(line: Vec<u8>) -> Vec<u8> {
    if MAKERS.iter().any(|maker| line.starts_with(maker)) { DEFINER.replace(&line, &b""[..]).into_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_made_a_view_is_left_out_and_data_stays_as_it_is() {
        for (line, left) in [
            ("/*!50013 DEFINER=`a``b`@`%` SQL SECURITY DEFINER */\n", "/*!50013  SQL SECURITY DEFINER */\n"),
            ("CREATE DEFINER=`a`@`%` FUNCTION `f`() RETURNS int\n", "CREATE  FUNCTION `f`() RETURNS int\n"),
            (
                "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`%`*/ /*!50003 TRIGGER r BEFORE INSERT\n",
                "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER r BEFORE INSERT\n",
            ),
            ("('CREATE DEFINER=`a`@`%` in a note')\n", "('CREATE DEFINER=`a`@`%` in a note')\n"),
        ] {
            assert_eq!(String::from_utf8(without_definer(line.into())).unwrap(), left);
        }
    }
}
