//! The description of the API.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use kudos_core::Kinds;
use kudos_http::answer::{BatchAnswer, PostAnswer, ReactionAnswer, ReactorsAnswer, SearchAnswer};
use kudos_http::extract::{IdempotencyKey, KindPath, PostPath};
use kudos_http::stack::{Stack, StackSettings};
use kudos_http::{Problem, elsewhere, openapi, problem_responses};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::client::{get, send};

problem_responses! {
    /// What reacting may answer.
    ReactProblems: InvalidPostId, UnknownKind, InvalidIdempotencyKey, Forbidden, NoSpace
}

/// React
#[utoipa::path(
    put, path = "/v1/posts/{post}/reactions/{kind}/@me",
    params(PostPath, KindPath, IdempotencyKey),
    responses((status = 200, body = ReactionAnswer), ReactProblems),
)]
async fn react() -> Problem {
    Problem::NotFound
}

/// List
#[utoipa::path(
    get, path = "/v1/all",
    responses(
        (status = 200, body = BatchAnswer), (status = 201, body = PostAnswer),
        (status = 202, body = SearchAnswer), (status = 203, body = ReactorsAnswer),
    ),
)]
async fn all() -> Problem {
    Problem::NotFound
}

fn router() -> Router {
    let (routes, described) = OpenApiRouter::with_openapi(openapi::blank())
        .routes(routes!(react))
        .routes(routes!(all))
        .split_for_parts();
    let document = openapi::document(&Kinds::default(), [described]);
    let docs = openapi::routes(&document).unwrap();
    Stack::new(&StackSettings::default()).unwrap().wrap(routes.merge(docs))
}

async fn document() -> Value {
    let answer = get(&router(), "/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn the_document_is_openapi_3_1_of_kudos() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["info"]["title"], "Kudos");
    assert!(document["info"]["description"].as_str().unwrap().contains("/problems/key-reused"));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(document["components"]["securitySchemes"]["user"]["name"], "X-User-Id");
}

#[tokio::test]
async fn every_problem_of_an_operation_is_documented_as_one() {
    let document = document().await;
    let operation = &document["paths"]["/v1/posts/{post}/reactions/{kind}/@me"]["put"];
    let responses = operation["responses"].as_object().unwrap();
    let statuses: Vec<_> = responses.keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "429", "500", "503", "507"]);
    for (status, response) in responses.iter().filter(|(status, _)| *status != "200") {
        let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/Problem", "{status}");
    }
    assert!(responses["503"]["headers"]["Retry-After"].is_object());
    let named: Vec<_> = operation["parameters"].as_array().unwrap().iter().collect();
    let named: Vec<_> = named.iter().map(|p| (p["name"].as_str(), p["in"].as_str())).collect();
    let header = (Some("Idempotency-Key"), Some("header"));
    assert_eq!(named, [(Some("post"), Some("path")), (Some("kind"), Some("path")), header]);
}

#[tokio::test]
async fn the_kinds_of_the_deployment_are_named() {
    let document = document().await;
    let operation = &document["paths"]["/v1/posts/{post}/reactions/{kind}/@me"]["put"];
    let kinds: Vec<_> = Kinds::default().names().map(str::to_owned).collect();
    assert_eq!(operation["parameters"][1]["schema"]["enum"], serde_json::json!(kinds));
}

#[tokio::test]
async fn counts_are_documented_as_numbers_by_kind() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    let counts = &schemas["ReactionAnswer"]["properties"]["counts"];
    assert_eq!(counts["additionalProperties"]["type"], "integer", "{counts}");
    assert_eq!(schemas["Timestamp"]["format"], "date-time");
    let source = schemas["ReactionAnswer"]["properties"]["source"]["$ref"].as_str();
    assert_eq!(source, Some("#/components/schemas/Source"));
    assert_eq!(schemas["Source"]["enum"][0], "truth");
}

#[tokio::test]
async fn every_reference_has_its_schema() {
    let document = document().await;
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 10);
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "$ref" => references.push(text.clone()),
                    other => collect(other, references),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[tokio::test]
async fn swagger_ui_is_served_under_a_policy_that_it_works_with() {
    let page = get(&router(), "/docs/").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'self'") && policy.contains("'unsafe-inline'"));
    let html = page.text();
    let inline = html.split("<script").skip(1).filter(|tag| !tag.contains("src="));
    assert_eq!(inline.count(), 0, "the policy would block scripts within the page");
    let script = get(&router(), "/docs/swagger-initializer.js").await;
    assert!(script.text().contains("/openapi.json"));
    assert_eq!(get(&router(), "/docs").await.status.as_u16() / 100, 3);
}

#[tokio::test]
async fn routes_of_another_process_are_refused_by_path_and_by_method() {
    let here = OpenApiRouter::<()>::new().routes(routes!(react)).into_openapi();
    let path = "/v1/posts/{post}/reactions/{kind}/@me";
    let router = Router::new().route(path, axum::routing::get(all)).merge(elsewhere(&here));
    let router = Stack::new(&StackSettings::default()).unwrap().wrap(router);
    let request = |method: Method| {
        let path = "/v1/posts/p/reactions/like/@me";
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    };
    assert_eq!(send(&router, request(Method::PUT)).await.slug(), "not-found");
    let refused = send(&router, request(Method::PATCH)).await;
    assert_eq!(refused.slug(), "method-not-allowed");
    assert_eq!(refused.header("allow"), "GET,HEAD,PUT");
}
