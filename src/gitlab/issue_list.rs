//! Lists of issues, page by page, in an order in which a change between two pages hides nothing.
//!
//! GitLab counts pages from the beginning of a list. An issue that changes while we read leaves its place, those behind
//! it move up, and the first of the next page would never be shown; our own writes alone make that common. So each page
//! is asked for anew, from the time that the one before reached. GitLab's `Link` tells whether there is more, and is
//! followed only where more than a page of issues bear the very same time.

use std::fmt;

use reqwest::{Method, Response};

use super::answer::{date, header_number, json, next_page};
use super::client::{Client, PER_PAGE};
use super::error::Error;
use super::issues::{IssueJson, Snapshot, snapshot};
use super::path::segment;
use super::times::iso;
use crate::calculator::issue::Moment;

/// Whose issues.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// Of every project in the group and its subgroups that is not archived; by path.
    Group(String),
    /// Of one project; by path.
    Project(String),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(path) => write!(formatter, "group {path}"),
            Self::Project(path) => write!(formatter, "project {path}"),
        }
    }
}

/// By which time a list is ordered, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// When the issues last changed.
    Updated,
    /// When the issues were made, which never changes.
    Created,
}

/// Some issues of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most 100, each with the time by which the list is ordered. The last page's last ones may come again.
    pub issues: Vec<(Moment, Snapshot)>,
    /// GitLab's clock when it answered.
    pub answered_at: Option<Moment>,
    /// How many issues there are from this page on, if GitLab counted them: it does up to 10,000.
    pub from_here: Option<u32>,
}

/// A walk along a list. A page that failed is asked for again by the next call.
#[derive(Debug, Clone)]
pub struct IssueList {
    place: Place,
    order: Order,
    next: Option<Next>,
}

#[derive(Debug, Clone)]
enum Next {
    /// The first page of the issues since then, or of all.
    Since(Option<Moment>),
    /// GitLab's own link, and since when the list was asked for.
    Link(String, Option<Moment>),
}

impl IssueList {
    /// The issues of a place since a moment (that included), or all of them; open and closed, of every type.
    #[must_use]
    pub fn new(place: Place, order: Order, since: Option<Moment>) -> Self {
        Self { place, order, next: Some(Next::Since(since)) }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] where the token does not see the place.
    pub async fn next_page(&mut self, gitlab: &Client) -> Result<Option<Page>, Error> {
        let (request, since) = match &self.next {
            None => return Ok(None),
            Some(Next::Since(since)) => (self.first_page(gitlab, *since), *since),
            Some(Next::Link(link, since)) => (gitlab.linked(link)?, *since),
        };
        let response = gitlab.send("list_issues", request).await?;
        let link = next_page(response.headers());
        let page = self.read(response).await?;
        let reached = page.issues.last().map(|(at, _)| *at);
        self.next = link.map(|link| match reached {
            Some(reached) if since.is_none_or(|since| reached > since) => Next::Since(Some(reached)),
            Some(_) | None => Next::Link(link, since),
        });
        Ok(Some(page))
    }

    fn first_page(&self, gitlab: &Client, since: Option<Moment>) -> reqwest::RequestBuilder {
        let path = match &self.place {
            Place::Group(path) => format!("/groups/{}/issues", segment(path)),
            Place::Project(path) => format!("/projects/{}/issues", segment(path)),
        };
        let (order_by, since_name) = match self.order {
            Order::Updated => ("updated_at", "updated_after"),
            Order::Created => ("created_at", "created_after"),
        };
        let since = since.map(|since| (since_name, iso(since)));
        gitlab
            .request(Method::GET, &path)
            .query(&[("state", "all"), ("order_by", order_by), ("sort", "asc")])
            .query(&since.as_slice())
            .query(&[("per_page", PER_PAGE)])
    }

    async fn read(&self, response: Response) -> Result<Page, Error> {
        let answered_at = date(response.headers());
        let from_here = header_number(response.headers(), "x-total");
        let rows: Vec<IssueJson> = json(response).await?;
        let issues = rows.into_iter().map(|row| self.read_row(row)).collect::<Result<_, _>>()?;
        Ok(Page { issues, answered_at, from_here })
    }

    fn read_row(&self, row: IssueJson) -> Result<(Moment, Snapshot), Error> {
        let snapshot = snapshot(row)?;
        let at = match self.order {
            Order::Updated => snapshot.updated_at,
            Order::Created => snapshot.created_at.ok_or_else(|| Error::Unavailable {
                reason: "its answer has no readable created_at".to_owned(),
                retry_after: None,
            })?,
        };
        Ok((at, snapshot))
    }
}
