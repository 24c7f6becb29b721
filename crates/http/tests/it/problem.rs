use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use kudos_core::ports::LogError;
use kudos_core::{ApplyError, IdError, Kinds, PortError, PostId};
use kudos_http::auth::{AuthFailure, Scope};
use kudos_http::problem::RatePolicy;
use kudos_http::{Problem, ProblemType};

use crate::client::{Answer, get};

async fn answered(problem: Problem) -> Answer {
    let router = axum::Router::new().fallback(move || {
        let problem = problem.clone();
        async move { problem.into_response() }
    });
    get(&router, "/").await
}

fn one_of_each() -> Vec<Problem> {
    let second = Duration::from_millis(1500);
    vec![
        Problem::InvalidPostId(IdError::Empty),
        Problem::user_id("X-User-Id", IdError::TooLong { bytes: 129 }),
        Problem::UnknownKind(Arc::new(Kinds::default())),
        Problem::InvalidIdempotencyKey,
        Problem::body("posts[3]", "must be short"),
        Problem::BodyTooLarge { limit: 7 },
        Problem::UnsupportedMediaType,
        Problem::parameter("limit", "must be 1 to 100"),
        Problem::InvalidCursor,
        Problem::UnknownPost(PostId::new("p").unwrap()),
        Problem::NotFound,
        Problem::MethodNotAllowed,
        Problem::Unauthenticated(AuthFailure::NoToken),
        Problem::Forbidden(Scope::PostsWrite),
        Problem::StaleOperation,
        Problem::KeyReused,
        Problem::RateLimited { policy: RatePolicy::WritesPerUser, retry_after: second },
        Problem::Unavailable { retry_after: second },
        Problem::NoSpace,
        Problem::Timeout,
        Problem::Internal,
    ]
}

#[tokio::test]
async fn every_problem_is_a_document_of_its_type() {
    let problems = one_of_each();
    let types: Vec<_> = problems.iter().map(Problem::problem_type).collect();
    assert_eq!(types, ProblemType::ALL, "one of each, in their order");
    for problem in problems {
        let kind = problem.problem_type();
        let answer = answered(problem).await;
        let document = answer.problem();
        assert_eq!(document.kind, kind.uri());
        assert_eq!(answer.status, kind.status());
        assert_eq!(document.retry_after.is_some(), kind.has_retry_after());
        assert!(!document.detail.is_empty() && !document.title.is_empty());
    }
}

#[test]
fn types_are_distinct_and_their_statuses_are_errors() {
    let slugs: HashSet<_> = ProblemType::ALL.iter().map(|t| t.slug()).collect();
    assert_eq!(slugs.len(), ProblemType::ALL.len());
    for kind in ProblemType::ALL {
        let status = kind.status();
        assert!(status.is_client_error() || status.is_server_error());
        assert!((status == 500) == (kind == ProblemType::Internal));
    }
}

#[tokio::test]
async fn a_problem_names_the_field_and_the_limit() {
    let document = |problem| async { answered(problem).await.problem() };
    let id = document(Problem::InvalidPostId(IdError::TooLong { bytes: 200 })).await;
    assert_eq!((id.field.as_deref(), id.limit), (Some("post"), Some(128)));
    assert!(id.detail.contains("128") && id.detail.contains("200"));
    let kind = document(Problem::UnknownKind(Arc::new(Kinds::default()))).await;
    assert_eq!(kind.allowed.unwrap()[0], "like");
    let body = document(Problem::body("posts[3]", "must be short")).await;
    assert_eq!(body.field.as_deref(), Some("posts[3]"));
    let size = document(Problem::BodyTooLarge { limit: 7 }).await;
    assert_eq!(size.limit, Some(7));
    let scope = document(Problem::Forbidden(Scope::PostsWrite)).await;
    assert_eq!(scope.scope.as_deref(), Some("posts:write"));
}

#[tokio::test]
async fn a_401_says_how_to_authenticate() {
    for (failure, challenge) in [
        (AuthFailure::NoUser, "X-User-Id realm=\"kudos\""),
        (AuthFailure::NoToken, "Bearer realm=\"kudos\""),
        (AuthFailure::Expired, "Bearer realm=\"kudos\", error=\"invalid_token\""),
    ] {
        let answer = answered(Problem::Unauthenticated(failure)).await;
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
}

#[tokio::test]
async fn a_wait_is_rounded_up_to_whole_seconds() {
    let retry_after = Duration::from_millis(1001);
    let answer = answered(Problem::Unavailable { retry_after }).await;
    assert_eq!(answer.header("retry-after"), "2");
}

#[test]
fn failures_of_the_core_have_their_problem() {
    let retry_after = Duration::from_secs(4);
    let of_port = |error| Problem::from(ApplyError::Port(error)).problem_type();
    let unavailable = PortError::Unavailable("node 7 at 10.0.0.1".into());
    assert_eq!(of_port(unavailable), ProblemType::Unavailable);
    assert_eq!(of_port(PortError::Timeout), ProblemType::Timeout);
    assert_eq!(of_port(PortError::NoSpace), ProblemType::NoSpace);
    assert_eq!(of_port(PortError::Corrupt("row 9".into())), ProblemType::Internal);
    assert_eq!(
        Problem::from(PortError::Busy { retry_after }),
        Problem::Unavailable { retry_after }
    );
    assert_eq!(Problem::from(ApplyError::Stale), Problem::StaleOperation);
    assert_eq!(Problem::from(ApplyError::KeyReused), Problem::KeyReused);
    assert_eq!(Problem::from(LogError::Gone), Problem::Internal);
    assert_eq!(Problem::from(IdError::Empty), Problem::InvalidPostId(IdError::Empty));
}

#[tokio::test]
async fn what_failed_inside_is_not_shown() {
    for error in [
        PortError::Corrupt("row 9 of s3cret".into()),
        PortError::Unavailable("s3cret at 10.0.0.1".into()),
    ] {
        let answer = answered(error.into()).await;
        assert!(!answer.text().contains("s3cret"), "{}", answer.text());
    }
}
