//! `reeve why`

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use super::stack::{Loaded, connect, load};
use super::terminal::Terminal;
use super::{Dir, Exit, Failure, code};
use crate::model::Address;
use crate::model::plan::{Plan, Scope};
use crate::plan::references;
use crate::view::why::{Facts, human};

/// Where a resource comes from, what it needs, what needs it, what is live.
#[derive(Debug, Args)]
pub struct Why {
    #[command(flatten)]
    pub(super) dir: Dir,
    /// Which resource.
    #[arg(value_name = "ADDRESS")]
    address: String,
}

impl Why {
    pub async fn run(self, terminal: &mut Terminal) -> Exit {
        let loaded = load(&self.dir.dir)?;
        let address = Address::parse(&self.address).map_err(|error| Failure::usage(error.to_string()))?;
        let mut needs: BTreeMap<&Address, BTreeSet<(Address, String)>> = BTreeMap::new();
        for (user, wish) in &loaded.wishes {
            references(wish.kind.info(), &wish.spec, |field, hole| {
                needs.entry(user).or_default().insert((hole.address, field.to_owned()));
            });
        }
        let wish = loaded.wishes.get(&address);
        // What the YAML says needs no AWS; only for what is not in it there is nothing to say without.
        let (plan, unread) = match read(&loaded, terminal).await {
            Ok(plan) => (Some(plan), None),
            Err(failure) if wish.is_some() => (None, Some(failure.message)),
            Err(failure) => return Err(failure),
        };
        let seen = plan.as_ref().and_then(|plan| plan.seen.get(&address));
        if wish.is_none() && seen.is_none() {
            let near = loaded.wishes.keys().min_by_key(|one| strsim::damerau_levenshtein(one.as_str(), address.as_str()));
            let advice = near.map(|one| format!("did you mean {one}?")).unwrap_or_default();
            return Err(Failure::usage(format!("{address} is neither in the YAML nor live")).advice(advice));
        }
        let facts = Facts {
            address: address.to_string(),
            kind: wish.map(|wish| wish.kind.name.to_owned()).or_else(|| seen.map(|seen| seen.kind.clone())).unwrap_or_default(),
            page: wish.map(|wish| wish.kind.page.to_owned()).unwrap_or_default(),
            asked: loaded.desired.asked(&address).map(ToString::to_string),
            place: loaded.desired.resources.get(&address).map(|one| one.place.to_string()),
            needs: needs.get(&address).into_iter().flatten().map(|(to, field)| (to.to_string(), field.clone())).collect(),
            needed_by: needs
                .iter()
                .flat_map(|(user, uses)| uses.iter().filter(|(to, _)| *to == address).map(|(_, field)| (user.to_string(), field.clone())))
                .collect(),
            live: seen.map(|seen| (seen.id.clone(), seen.attributes.clone())),
            unread,
            stuck: Vec::new(),
            protected: wish.is_some_and(|wish| wish.protect) || seen.is_some_and(|seen| seen.marks.protect),
        };
        let waiting = plan.iter().flat_map(|plan| &plan.waiting);
        let stuck = waiting.filter(|one| one.address == address).map(|one| format!("waits: {}", one.reason));
        let refusals = plan.iter().flat_map(|plan| &plan.refusals);
        let refused = refusals.filter(|one| one.address == address).map(|one| format!("refused: {}; {}", one.reason, one.hint));
        let facts = Facts { stuck: stuck.chain(refused).collect(), ..facts };
        let action = plan.iter().flat_map(|plan| &plan.actions).find(|action| action.address == address);
        terminal.data(&terminal.fill(&human(&facts, action, terminal.out)))?;
        Ok(code::DONE)
    }
}

async fn read(loaded: &Loaded, terminal: &Terminal) -> Result<Plan, Failure> {
    let session = connect(loaded, terminal).await?;
    Ok(session.plan(&loaded.wishes, Scope::default(), false, None).await?.0)
}
