//! What the server's answers mean. Codes: <https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference>.

use std::time::Duration;

use mysql_async::Error as Answer;

use crate::model::runbook::MYSQL_REFUSING;
use crate::planes::error::{Class, Error};

/// When a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// While connecting: the statement was not sent.
    Connecting,
    /// After the statement may have been sent.
    Sent,
}

/// Turns the driver's error into ours: `.map_err(failed("mysql.CreateSchema", When::Sent))`. Never a word of what was sent.
pub(super) fn failed(call: &str, when: When) -> impl Fn(Answer) -> Error + '_ {
    move |answer| match answer {
        Answer::Server(answer) => {
            let class = class(answer.code);
            let is_for_the_runbook = matches!(class, Class::Throttled | Class::Denied | Class::Unreachable);
            let text = if is_for_the_runbook { with_hint(&answer.message) } else { answer.message.trim().to_owned() };
            Error { code: answer.code.to_string(), ..Error::new(class, call, text) }
        }
        Answer::Io(error) => Error::new(lost(when), call, with_hint(&error.to_string())),
        // The driver's own texts are fixed sentences; those that carry data name only its type.
        Answer::Driver(error) => Error::new(lost(when), call, with_hint(&error.to_string())),
        _ => Error::new(lost(when), call, with_hint("the connection failed")),
    }
}

/// The server did not answer in time.
pub(super) fn silent(call: &str, waited: Duration) -> Error {
    Error::new(Class::Ambiguous, call, with_hint(&format!("no answer within {} s", waited.as_secs())))
}

fn lost(when: When) -> Class {
    match when {
        When::Connecting => Class::Unreachable,
        When::Sent => Class::Ambiguous,
    }
}

fn with_hint(text: &str) -> String {
    format!("{}: see `{MYSQL_REFUSING}`", text.trim())
}

fn class(code: u16) -> Class {
    match code {
        // Unknown schema, table, grant, thread.
        1008 | 1049 | 1146 | 1141 | 1094 => Class::NotFound,
        1007 | 1050 | 1062 => Class::AlreadyExists,
        // Too many connections: of the server, of the user.
        1040 | 1203 | 1226 => Class::Throttled,
        // Lock wait, deadlock, schema directory not empty yet.
        1205 | 1213 | 1010 => Class::InUse,
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 1410 | 1698 | 3118 | 4151 => Class::Denied,
        // Shutting down, too many errors of this host, not allowed from here.
        1053 | 1079 | 1129 | 1130 => Class::Unreachable,
        // Killed, read-only during a failover (nothing was done), connection lost.
        1927 | 1317 | 2006 | 2013 => Class::Ambiguous,
        1290 | 1836 => Class::InUse,
        _ => Class::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_their_classes_and_name_the_runbook() {
        for (code, class) in [
            (1045, Class::Denied),
            (1040, Class::Throttled),
            (1203, Class::Throttled),
            (1007, Class::AlreadyExists),
            (1049, Class::NotFound),
            (1064, Class::Invalid),
        ] {
            assert_eq!(super::class(code), class, "{code}");
        }
        let answer = || Answer::Io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
        let error = failed("mysql.Marks", When::Connecting)(answer());
        assert_eq!(error.class, Class::Unreachable);
        assert!(error.to_string().contains("reeve runbook mysql-refusing"), "{error}");
        assert_eq!(failed("mysql.CreateSchema", When::Sent)(answer()).class, Class::Ambiguous);
    }
}
