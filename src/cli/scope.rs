//! `--target`, `--exclude` and `--allow-delete` must name something: a misspelt one would pass as "nothing to change".

use std::collections::BTreeSet;

use super::Failure;
use super::stack::Loaded;
use crate::model::Address;
use crate::model::plan::Plan;

/// Refuses what names nothing that is wished, live or spoken of in `plan`.
pub fn check(plan: &Plan, loaded: &Loaded) -> Result<(), Failure> {
    if !plan.unreadable.is_empty() {
        // What could not be read may hold the name.
        return Ok(());
    }
    let mut known: BTreeSet<&Address> = loaded.wishes.keys().chain(plan.seen.keys()).collect();
    known.extend(plan.leftovers.iter().map(|one| &one.address));
    let named = |scope: &str| known.iter().any(|address| address.is_under(scope));
    let scopes = [("--target", &plan.scope.target), ("--exclude", &plan.scope.exclude), ("--allow-delete", &plan.scope.allow_delete)];
    for (flag, scopes) in scopes {
        if let Some(scope) = scopes.iter().find(|scope| !named(scope)) {
            return Err(unknown(flag, scope, &known));
        }
    }
    Ok(())
}

fn unknown(flag: &str, scope: &str, known: &BTreeSet<&Address>) -> Failure {
    let shown: String = scope.chars().take(80).collect();
    let failure = Failure::usage(format!("{flag} {shown:?}: neither the YAML nor the account has such an address"));
    match nearest(scope, known.iter().map(|address| address.as_str())) {
        Some(near) => failure.advice(format!("did you mean {near}?")),
        None => failure.advice("`reeve graph DIR` lists all addresses"),
    }
}

/// The address that `text` is most like, or the part of one: `vpc` is as good a target as `vpc.vpc`.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Someone may paste anything here: the comparison costs the product of the lengths.
    let text: &str = &text.chars().take(crate::model::address::LIMIT).collect::<String>();
    let parts = known.flat_map(|address| {
        let cuts = address.match_indices(['.', '/']).map(|(at, _)| &address[..at]);
        cuts.chain([address]).collect::<Vec<_>>()
    });
    parts
        .map(|part| (strsim::damerau_levenshtein(part, text), part))
        .min()
        .filter(|(distance, part)| *distance <= part.len().max(3) / 2)
        .map(|(_, part)| part)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_address_or_part_of_one_is_named() {
        let known = ["vpc.vpc", "vpc.private/a", "database.server"];
        let near = |text| nearest(text, known.into_iter());
        assert_eq!(near("databse.server"), Some("database.server"));
        assert_eq!(near("vpv"), Some("vpc"));
        assert_eq!(near("vpc.privat/a"), Some("vpc.private/a"));
        assert_eq!(near("something-else-entirely"), None);
    }
}
