//! Problems as documented answers of an operation.

use std::collections::BTreeMap;

use utoipa::PartialSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::{PROBLEM_JSON, ProblemType};

/// What any operation behind a [`Gate`](crate::gate::Gate) may answer.
pub const COMMON: [ProblemType; 7] = [
    ProblemType::InvalidUserId,
    ProblemType::InvalidParameter,
    ProblemType::Unauthenticated,
    ProblemType::RateLimited,
    ProblemType::Unavailable,
    ProblemType::Timeout,
    ProblemType::Internal,
];

/// The answers of an operation that may have the problems in `specific` or in [`COMMON`], one per
/// status, each naming its types. [`problem_responses!`](crate::problem_responses) makes a type of
/// it that `#[utoipa::path(responses(...))]` takes.
pub fn responses(specific: &[ProblemType]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<ProblemType>> = BTreeMap::new();
    for problem in COMMON.iter().chain(specific) {
        let types = by_status.entry(problem.status().as_str().to_owned());
        let types = types.or_default();
        if !types.contains(problem) {
            types.push(*problem);
        }
    }
    by_status.into_iter().map(|(status, types)| (status, RefOr::T(response(&types)))).collect()
}

fn response(types: &[ProblemType]) -> Response {
    let named: Vec<String> =
        types.iter().map(|t| format!("{} (`{}`)", t.title(), t.uri())).collect();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let mut response =
        ResponseBuilder::new().description(named.join("; ")).content(PROBLEM_JSON, content);
    if types.iter().any(|t| t.has_retry_after()) {
        response = response.header("Retry-After", seconds_header("Seconds to wait."));
    }
    if types.contains(&ProblemType::Unauthenticated) {
        response = response.header("WWW-Authenticate", text_header("How to authenticate."));
    }
    response.build()
}

fn seconds_header(description: &str) -> utoipa::openapi::header::Header {
    HeaderBuilder::new().schema(Some(u64::schema())).description(Some(description)).build()
}

fn text_header(description: &str) -> utoipa::openapi::header::Header {
    HeaderBuilder::new().schema(Some(String::schema())).description(Some(description)).build()
}

/// Declares a type that documents the problems of an operation, beside the common ones:
///
/// ```
/// kudos_http::problem_responses! {
///     /// What reading a post may answer.
///     pub ReadProblems: InvalidPostId, UnknownPost
/// }
/// // #[utoipa::path(get, path = "/v1/posts/{post}", responses((status = 200, …), ReadProblems))]
/// ```
#[macro_export]
macro_rules! problem_responses {
    ($(#[$doc:meta])* $vis:vis $name:ident: $($problem:ident),* $(,)?) => {
        $(#[$doc])*
        $vis struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::Response>,
            > {
                $crate::problem::responses(&[$($crate::ProblemType::$problem),*])
            }
        }
    };
}
