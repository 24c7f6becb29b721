//! Putting snapshots: whole documents, in bulk, each under its own version.

use async_trait::async_trait;
use elasticsearch::http::Method;
use kudos_core::ports::{Projection, Put};
use kudos_core::{PortError, Snapshot};
use kudos_degraded::Deadline;

use crate::bulk::{self, Chunk, Item};
use crate::elastic::Elastic;
use crate::error::CallError;
use crate::node::Request;

#[async_trait]
impl Projection for Elastic {
    fn name(&self) -> &'static str {
        "elastic"
    }

    /// A document replaces one of a lower version and is refused by one of a higher: the server's
    /// external versions keep the promise, so nothing has to be read first, and nothing here is
    /// ever updated in part, which would change versions behind our back.
    async fn put(&self, snapshots: &[Snapshot]) -> Result<Vec<Put>, PortError> {
        let deadline = Deadline::after(self.bulk_budget);
        let mut items = vec![Item::Soon(PortError::Timeout); snapshots.len()];
        let mut pending: Vec<usize> = (0..snapshots.len()).collect();
        let mut round = 0;
        let mut heard = snapshots.is_empty();
        while !pending.is_empty() {
            heard |= self.put_once(snapshots, &pending, &mut items, deadline).await;
            pending.retain(|&place| matches!(items[place], Item::Soon(_)));
            round += 1;
            if pending.is_empty() || !self.cluster.pause(round, deadline).await {
                break;
            }
        }
        match items.first() {
            Some(Item::Soon(error) | Item::Later(error)) if !heard => Err(error.clone()),
            _ => Ok(items.into_iter().map(Put::from).collect()),
        }
    }
}

impl Elastic {
    /// Sends the snapshots at `pending` in as many requests as their size takes, and notes what
    /// became of each. Says whether any request was answered.
    async fn put_once(
        &self,
        snapshots: &[Snapshot],
        pending: &[usize],
        items: &mut [Item],
        deadline: Deadline,
    ) -> bool {
        let mut heard = false;
        let mut rest = vec![pending];
        while let Some(places) = rest.pop() {
            let wanted = places.iter().map(|&place| &snapshots[place]);
            let chunk = Chunk::of(wanted, &self.kinds, self.bulk);
            let (sent, behind) = places.split_at(chunk.items);
            if !behind.is_empty() {
                rest.push(behind);
            }
            match self.send(chunk, deadline).await {
                Ok(answers) => {
                    heard = true;
                    sent.iter().zip(answers).for_each(|(&place, item)| items[place] = item);
                }
                Err(error) if is_malformed(&error) => {
                    heard = true;
                    // Some servers refuse all for the sake of one: halve until that one is alone.
                    match sent {
                        [alone] => items[*alone] = Item::Refused(error.to_string()),
                        _ => rest.extend(<[_; 2]>::from(sent.split_at(sent.len() / 2))),
                    }
                }
                Err(error) => {
                    let item = Item::from(error);
                    sent.iter().for_each(|&place| items[place] = item.clone());
                }
            }
        }
        heard
    }

    async fn send(&self, chunk: Chunk, deadline: Deadline) -> Result<Vec<Item>, CallError> {
        // Without the alias a server would make an index of its own invention.
        let request = Request::new(Method::Post, format!("{}/_bulk", self.index))
            .query("require_alias", "true")
            .query("filter_path", bulk::ANSWER)
            .body(chunk.body);
        let body = self.cluster.call(&request, deadline).await?;
        bulk::read(&body, chunk.items)
    }
}

fn is_malformed(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.status == 400)
}
