//! Posts and reactions out of records.

use std::borrow::Cow;

use kudos_core::post::{MAX_BODY_BYTES, MAX_TITLE_BYTES};
use kudos_core::{Kind, Kinds, Millis, Post, PostId, UserId};

use crate::fields::{Fields, csv_row, json_fields};
use crate::{HeaderError, Refusal, parse_time};

const MAX_AUTHOR_BYTES: usize = 128;

/// What a user held on a post from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The post.
    pub post: PostId,
    /// The user.
    pub user: UserId,
    /// The kind; none if the reaction was taken back.
    pub kind: Option<Kind>,
    /// When.
    pub at: Millis,
}

/// Where a record has its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// Each record names them: JSON.
    Named,
    /// By place, as the header of a CSV file has them.
    Placed(Vec<String>),
}

impl Columns {
    pub(crate) fn of_header(header: &[u8], required: &[&'static str]) -> Result<Self, HeaderError> {
        let row = csv_row(header).map_err(|_| HeaderError::Absent)?;
        let names: Vec<String> = row.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
        for column in required {
            let alias = if *column == "post" { "id" } else { column };
            if !names.iter().any(|name| name == column || name == alias) {
                return Err(HeaderError::Missing(column));
            }
        }
        Ok(Self::Placed(names))
    }

    /// A post out of a record.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn post(&self, record: &[u8]) -> Result<Post, Refusal> {
        let fields = self.fields(record)?;
        Ok(Post {
            id: post_id(&fields)?,
            title: bounded("title", required(&fields, "title")?, MAX_TITLE_BYTES)?,
            body: bounded("body", value(&fields, "body"), MAX_BODY_BYTES)?,
            author: bounded("author", value(&fields, "author"), MAX_AUTHOR_BYTES)?,
            created_at: time(&fields, "created_at")?,
        })
    }

    /// A reaction out of a record.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn reaction(&self, record: &[u8], kinds: &Kinds) -> Result<Reaction, Refusal> {
        let fields = self.fields(record)?;
        let user = UserId::new(required(&fields, "user")?);
        let unknown = |name: &str| Refusal::UnknownKind(name.chars().take(64).collect());
        let kind = match fields.get("kind").ok_or(Refusal::Missing("kind"))?.trim() {
            "" => None,
            name => Some(kinds.find(name).ok_or_else(|| unknown(name))?),
        };
        Ok(Reaction {
            post: post_id(&fields)?,
            user: user.map_err(|error| Refusal::Id { column: "user", error })?,
            kind,
            at: time(&fields, "at")?,
        })
    }

    fn fields<'r>(&'r self, record: &'r [u8]) -> Result<Fields<'r>, Refusal> {
        let text = std::str::from_utf8(record).map_err(|_| Refusal::NotUtf8)?;
        let Self::Placed(names) = self else {
            return json_fields(text);
        };
        let row = csv_row(record)?;
        if row.len() > names.len() {
            let more = format!("{} fields under {} columns", row.len(), names.len());
            return Err(Refusal::Csv(more));
        }
        let placed = names.iter().zip(&row);
        Ok(placed.map(|(name, value)| (Cow::from(name), Cow::from(value.to_owned()))).collect())
    }
}

fn value<'f>(fields: &'f Fields<'_>, column: &str) -> &'f str {
    fields.get(column).map_or("", |value| value)
}

fn required<'f>(fields: &'f Fields<'_>, column: &'static str) -> Result<&'f str, Refusal> {
    match value(fields, column) {
        blank if blank.trim().is_empty() => Err(Refusal::Missing(column)),
        text => Ok(text),
    }
}

fn post_id(fields: &Fields<'_>) -> Result<PostId, Refusal> {
    let column = if value(fields, "post").is_empty() { "id" } else { "post" };
    let text = required(fields, column).map_err(|_| Refusal::Missing("post"))?;
    PostId::new(text).map_err(|error| Refusal::Id { column, error })
}

fn time(fields: &Fields<'_>, column: &'static str) -> Result<Millis, Refusal> {
    parse_time(required(fields, column)?).ok_or(Refusal::Time(column))
}

fn bounded(column: &'static str, text: &str, most: usize) -> Result<String, Refusal> {
    match text.len() {
        bytes if bytes > most => Err(Refusal::Length { column, bytes, most }),
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use kudos_core::IdError;

    use super::*;
    use crate::Format;

    fn csv(header: &str) -> Columns {
        Format::Csv.columns(header.as_bytes(), &[]).unwrap()
    }

    #[test]
    fn a_reaction_is_the_same_in_both_formats() {
        let kinds = Kinds::default();
        let json = br#"{"post":7,"user":"ann","kind":"love","at":1767268800,"extra":[1]}"#;
        let json = Columns::Named.reaction(json, &kinds).unwrap();
        let columns = csv("At, user,post,KIND,extra");
        let row = columns.reaction(b"2026-01-01T12:00:00Z,ann,7,love", &kinds);
        assert_eq!(row.unwrap(), json);
        assert_eq!((json.kind, json.at), (Some(Kind(1)), Millis(1_767_268_800_000)));
    }

    #[test]
    fn no_kind_takes_a_reaction_back_but_must_be_said() {
        let kinds = Kinds::default();
        let null = br#"{"post":"p","user":"u","kind":null,"at":1}"#;
        assert_eq!(Columns::Named.reaction(null, &kinds).unwrap().kind, None);
        let absent = br#"{"post":"p","user":"u","at":1}"#;
        assert_eq!(Columns::Named.reaction(absent, &kinds), Err(Refusal::Missing("kind")));
    }

    #[test]
    fn a_post_keeps_quotes_commas_and_line_ends() {
        let post = csv("id,title,body,created_at").post(b"p,\"a, \"\"b\"\"\",\"x\ny\",5").unwrap();
        assert_eq!((post.title.as_str(), post.body.as_str()), ("a, \"b\"", "x\ny"));
        assert_eq!((post.author.as_str(), post.created_at), ("", Millis(5000)));
    }

    #[test]
    fn each_refusal_says_why() {
        let kinds = Kinds::default();
        let reaction = |json: &str| Columns::Named.reaction(json.as_bytes(), &kinds).unwrap_err();
        let slash =
            Refusal::Id { column: "post", error: IdError::Forbidden { character: '/', at: 1 } };
        assert_eq!(reaction(r#"{"post":"a/b","user":"u","kind":"like","at":1}"#), slash);
        let meh = Refusal::UnknownKind("meh".into());
        assert_eq!(reaction(r#"{"post":"p","user":"u","kind":"meh","at":1}"#), meh);
        let late = r#"{"post":"p","user":"u","kind":"like","at":"today"}"#;
        assert_eq!(reaction(late), Refusal::Time("at"));
        assert!(matches!(reaction("[]"), Refusal::Json(_)));
        assert!(matches!(reaction(r#"{"post":["p"]}"#), Refusal::Json(_)));
        assert_eq!(Columns::Named.reaction(b"\xff", &kinds), Err(Refusal::NotUtf8));
        let many = csv("post,user").reaction(b"p,u,like", &kinds);
        assert!(matches!(many, Err(Refusal::Csv(_))), "{many:?}");
        let long = format!(r#"{{"post":"p","title":"{}","created_at":1}}"#, "t".repeat(513));
        let long = Columns::Named.post(long.as_bytes()).unwrap_err();
        assert_eq!(long, Refusal::Length { column: "title", bytes: 513, most: 512 });
    }

    #[test]
    fn a_header_without_a_required_column_is_refused() {
        let missing = Format::Csv.columns(b"post,user,kind", &["post", "user", "kind", "at"]);
        assert_eq!(missing, Err(HeaderError::Missing("at")));
        assert!(Format::Csv.columns(b"id,title", &["post", "title"]).is_ok());
    }
}
