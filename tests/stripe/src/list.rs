//! Pages of lists.

use serde_json::{Value, json};

use crate::reply::{Answered, Reply};

/// A page of a list of `/v1/`. `items` has all that fit, the newest first.
pub(crate) fn page(url: &str, items: &[Value], parameters: &Value) -> Answered {
    let limit = limit(parameters, 10)?;
    let cursor = |name: &str| {
        let Some(id) = parameters[name].as_str() else { return Ok(None) };
        let at = items.iter().position(|item| item["id"] == id);
        at.map(Some)
            .ok_or_else(|| Reply::invalid(Some("resource_missing"), name, &format!("No such object: '{id}'")))
    };
    let (after, before) = (cursor("starting_after")?, cursor("ending_before")?);
    let (range, has_more) = match (after, before) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: ending_before, starting_after.";
            return Err(Reply::invalid(None, "ending_before", message));
        }
        (_, Some(before)) => (before.saturating_sub(limit)..before, before > limit),
        (after, None) => {
            let from = after.map_or(0, |after| after + 1);
            let to = items.len().min(from + limit);
            (from..to, to < items.len())
        }
    };
    Ok(json!({ "object": "list", "url": url, "has_more": has_more, "data": items[range] }))
}

/// A page of a list of `/v2/`. Its token is the number of the items before it.
pub(crate) fn page_v2(path: &str, query: &str, items: &[Value], parameters: &Value) -> Answered {
    let limit = limit(parameters, 20)?;
    let from: usize =
        parameters["page"].as_str().map_or(Some(0), |page| page.parse().ok()).unwrap_or(usize::MAX);
    if from > items.len() {
        return Err(Reply::invalid_fields("page: it is not a page of this list"));
    }
    let to = items.len().min(from + limit);
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page=")).collect();
    let url = |page: usize| {
        let page = format!("page={page}");
        format!("{path}?{}", kept.iter().copied().chain([&*page]).collect::<Vec<_>>().join("&"))
    };
    Ok(json!({
        "data": items[from..to],
        "next_page_url": (to < items.len()).then(|| url(to)),
        "previous_page_url": (from > 0).then(|| url(from.saturating_sub(limit))),
    }))
}

fn limit(parameters: &Value, default: usize) -> Result<usize, Reply> {
    let limit = parameters["limit"].as_str().map_or(Some(default), |limit| limit.parse().ok());
    limit
        .filter(|limit| (1..=100).contains(limit))
        .ok_or_else(|| Reply::invalid(None, "limit", "Invalid integer: limit must be from 1 to 100"))
}
