//! All that is known of one resource, for a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Style, Tone, value, verb};
use crate::model::plan::{Action, Verb};

/// What there is to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its address.
    pub address: String,
    /// Its kind.
    pub kind: String,
    /// The kind's API page.
    pub page: String,
    /// Where the operator asks for it: a tenant, or a section of the stack. Nothing when only defaults do.
    pub asked: Option<String>,
    /// Where the module's template for it is.
    pub place: Option<String>,
    /// What it needs, and through which field.
    pub needs: Vec<(String, String)>,
    /// What needs it, and through which field.
    pub needed_by: Vec<(String, String)>,
    /// The live object's id and attributes.
    pub live: Option<(String, BTreeMap<String, String>)>,
    /// Why it is not known whether anything is live.
    pub unread: Option<String>,
    /// Why nothing is done about it, though something should be.
    pub stuck: Vec<String>,
    /// Whether it is protected.
    pub protected: bool,
}

/// The facts, and what a plan would do.
#[must_use]
pub fn human(facts: &Facts, action: Option<&Action>, style: Style) -> String {
    let mut out = format!("{}  {}\n", style.paint(Tone::Strong, &facts.address), facts.kind);
    if let Some(asked) = &facts.asked {
        let _ = writeln!(out, "  asked for at {asked}");
    }
    let _ = writeln!(out, "  written at   {}", facts.place.as_deref().unwrap_or("nowhere: it is not in the YAML"));
    if !facts.page.is_empty() {
        let _ = writeln!(out, "  API page     {}", facts.page);
    }
    if facts.protected {
        out.push_str("  protected    deletion and replacement are refused\n");
    }
    match &facts.live {
        Some((id, attributes)) => {
            let _ = writeln!(out, "  live         {id}");
            for (name, one) in attributes {
                let _ = writeln!(out, "    {name}: {}", value::text(one));
            }
        }
        None => {
            let _ = match &facts.unread {
                Some(why) => writeln!(out, "  live         not read: {}", value::clean(why)),
                None => writeln!(out, "  live         no"),
            };
        }
    }
    let mut list = |title: &str, rows: &[(String, String)]| {
        let _ = writeln!(out, "  {title}{}", if rows.is_empty() { "nothing" } else { "" });
        for (address, field) in rows {
            let _ = writeln!(out, "    {address}  ({field})");
        }
    };
    list("needs        ", &facts.needs);
    list("needed by    ", &facts.needed_by);
    for why in &facts.stuck {
        let _ = writeln!(out, "  {}", style.paint(Tone::Notice, &value::clean(why)));
    }
    if let Some(action) = action.filter(|action| action.action != Verb::NoOp) {
        let _ = writeln!(
            out,
            "  a plan would {} it{}",
            verb(action.action).2,
            if action.reason.is_empty() { String::new() } else { format!(": {}", value::clean(&action.reason)) }
        );
        for edit in &action.edits {
            let _ = writeln!(out, "    {}: {}", edit.field, value::change(&edit.from, &edit.to));
        }
    }
    out
}
