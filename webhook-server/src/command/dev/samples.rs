//! The samples that `dev` sends, and where.

use std::collections::BTreeSet;
use std::sync::Arc;

use webhook_core::{Registry, Sample, Story, Subscription, catalog};

use crate::command::{Failure, failed, random};
use crate::endpoint::{Endpoints, ServedEndpoint};

/// The examples of types that no handler names, of each kind.
const OTHER: &str = "customer.created";
const OTHER_THIN: &str = "v1.customer.created";

/// Makes the samples, and chooses for each the endpoints to send it to, so that every handler runs: `only` this one, or
/// those of the handlers that name one, and the first for handlers that run there.
pub(super) fn of(
    registry: &Registry,
    endpoints: &Endpoints,
    only: Option<&Arc<ServedEndpoint>>,
) -> Result<Vec<(Sample, Arc<ServedEndpoint>)>, Failure> {
    let mut sent = Vec::new();
    for sample in samples(registry)? {
        for endpoint in places(registry, endpoints, only, sample.event_type()) {
            // An endpoint that takes live events alone would not handle a test event.
            let is_live = !endpoint.accepts(false);
            sent.push((sample.clone().livemode(is_live), Arc::clone(endpoint)));
        }
    }
    Ok(sent)
}

/// A type, and the endpoint to send it to, for the user to try.
pub(super) fn example<'e>(
    registry: &Registry,
    endpoints: &'e Endpoints,
    only: Option<&'e Arc<ServedEndpoint>>,
) -> (&'static str, &'e Arc<ServedEndpoint>) {
    let types = catalog::snapshot_types().iter().chain(catalog::thin_types());
    let named = types.map(|known| known.name).filter(|name| registry.names(name));
    let mut places = named
        .flat_map(|name| places(registry, endpoints, only, name).into_iter().map(move |place| (name, place)));
    places.next().unwrap_or((OTHER, only.unwrap_or(endpoints.first())))
}

/// The endpoints that events of a type are sent to.
fn places<'e>(
    registry: &Registry,
    endpoints: &'e Endpoints,
    only: Option<&'e Arc<ServedEndpoint>>,
    event_type: &str,
) -> Vec<&'e Arc<ServedEndpoint>> {
    let here = |endpoint: &ServedEndpoint| registry.handlers_at(event_type, [&*endpoint.name]);
    if let Some(only) = only {
        return Some(only).filter(|only| !here(only).is_empty()).into_iter().collect();
    }
    let handlers = registry.handlers_of(event_type);
    let is_own = |endpoint: &&Arc<ServedEndpoint>| {
        handlers.iter().any(|handler| handler.endpoint == Some(&*endpoint.name))
    };
    let mut places: Vec<_> = endpoints.iter().filter(is_own).collect();
    let run: BTreeSet<&str> = places.iter().flat_map(|place| here(place)).map(|handler| handler.id).collect();
    for handler in handlers.iter().filter(|handler| !run.contains(handler.id)) {
        let runs = |place: &ServedEndpoint| here(place).iter().any(|found| found.id == handler.id);
        if !places.iter().any(|place| runs(place)) {
            places.extend(endpoints.iter().find(|endpoint| runs(endpoint)));
        }
    }
    places
}

/// Makes events of all types that a handler names, as Stripe would send them. If there is a handler for unhandled types,
/// adds one event that no handler names.
fn samples(registry: &Registry) -> Result<Vec<Sample>, Failure> {
    let seed = || random().map_err(|error| failed("could not generate a random number", &error));
    let made = |name| Sample::new(name, seed()?).map_err(|error| failed("could not make a sample", &error));
    let (mut named, others): (BTreeSet<_>, BTreeSet<_>) =
        catalog::snapshot_types().iter().map(|known| known.name).partition(|name| registry.names(name));
    let mut samples = Vec::new();
    for story in stories(&named) {
        let events = story.events(seed()?);
        samples.extend(events.into_iter().filter(|event| registry.names(event.event_type())));
        story.event_types().for_each(|told| {
            named.remove(told);
        });
    }
    let other = others.iter().copied().find(|name| *name == OTHER).or(others.first().copied());
    let other = other
        .filter(|_| registry.registrations().iter().any(|handler| handler.takes == Subscription::Unhandled));
    for name in named.into_iter().chain(other).chain(thin(registry)) {
        samples.push(made(name)?);
    }
    Ok(samples)
}

/// The thin types with a handler that does not take the snapshot event of the same occurrence, and one that no handler
/// names if there is a handler for those.
fn thin(registry: &Registry) -> impl Iterator<Item = &'static str> {
    let is_new = |name: &&'static str| {
        registry.names(name) && !registry.handlers_of(name).iter().all(|handler| handler.names_twin_of(name))
    };
    let is_unhandled = |name: &&'static str| !registry.names(name) && !registry.handlers_of(name).is_empty();
    let named = catalog::thin_types().iter().map(|known| known.name).filter(is_new);
    named.chain(Some(OTHER_THIN).filter(is_unhandled))
}

/// Chooses a few stories that contain all of these types that any story contains: repeatedly the story with the most types
/// not yet covered. If several have as many, it is the first, because plain stories come before those about failures.
fn stories(types: &BTreeSet<&'static str>) -> Vec<&'static Story> {
    let mut left = types.clone();
    let mut chosen = Vec::new();
    loop {
        let told =
            |story: &Story| story.event_types().filter(|told| left.contains(told)).collect::<BTreeSet<_>>();
        // `max_by_key` returns the last of several maxima, hence `rev`.
        let best = Story::all().iter().rev().max_by_key(|story| told(story).len());
        let Some((best, told)) = best.map(|best| (best, told(best))).filter(|(_, told)| !told.is_empty())
        else {
            break;
        };
        left.retain(|name| !told.contains(name));
        chosen.push(best);
    }
    chosen
}
