//! The OpenAPI 3.1 document, made from the code, and Swagger UI to read it with.

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use kudos_core::Kinds;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApi, RefOr, Schema};
use utoipa_swagger_ui::SwaggerUi;

use crate::problem::{ProblemDocument, ProblemType};

/// The name of the security scheme of mode jwt.
pub const BEARER: &str = "bearer";
/// The name of the security scheme of mode header.
pub const USER_HEADER: &str = "user";

/// Swagger UI sets styles from its script and draws icons from data URLs.
const DOCS_CSP: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                        img-src 'self' data:; object-src 'none'; base-uri 'none'; \
                        frame-ancestors 'self'";

/// An empty document to give to [`OpenApiRouter::with_openapi`]; what utoipa would put there
/// describes this crate instead of the API.
///
/// [`OpenApiRouter::with_openapi`]: utoipa_axum::router::OpenApiRouter::with_openapi
pub fn blank() -> OpenApi {
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Kudos")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description()))
        .license(Some(license))
        .build();
    OpenApi::new(info, utoipa::openapi::Paths::new())
}

/// The finished document of what the routers of a process declare: with its title, its security
/// schemes, the schema of problems that every operation refers to, and the deployment's kinds
/// wherever one is asked for.
pub fn document(kinds: &Kinds, parts: impl IntoIterator<Item = OpenApi>) -> OpenApi {
    let mut document = blank();
    for part in parts {
        document.merge(part);
    }
    document.paths.paths.values_mut().flat_map(operations).for_each(|of| name_kinds(of, kinds));
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(BEARER, bearer());
    components.add_security_scheme(USER_HEADER, user_header());
    for (name, schema) in problem_schema() {
        components.schemas.insert(name, schema);
    }
    document.security = Some(optional_caller());
    document
}

/// Serves the document at `/openapi.json` and Swagger UI at `/docs`.
pub fn routes(document: &OpenApi) -> Result<Router, serde_json::Error> {
    let json = Bytes::from(serde_json::to_vec(document)?);
    let served = get(move || std::future::ready(document_response(json.clone())));
    let ui = SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from("/openapi.json"));
    let docs = Router::new().merge(ui).layer(map_response(docs_policy));
    Ok(crate::stack::compressed(Router::new().route("/openapi.json", served).merge(docs)))
}

fn document_response(json: Bytes) -> Response {
    let mut response = Response::new(json.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn docs_policy(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(DOCS_CSP);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn bearer() -> SecurityScheme {
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("Mode jwt: a signed token; its `sub` is the user."));
    SecurityScheme::Http(scheme.build())
}

fn user_header() -> SecurityScheme {
    let about = "Mode header: the user, as a trusted gateway names it.";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-User-Id", about)))
}

/// Reads need no caller, unless a deployment says otherwise.
fn optional_caller() -> Vec<SecurityRequirement> {
    vec![
        SecurityRequirement::default(),
        SecurityRequirement::new(BEARER, Vec::<String>::new()),
        SecurityRequirement::new(USER_HEADER, Vec::<String>::new()),
    ]
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = path;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn name_kinds(operation: &mut Operation, kinds: &Kinds) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "kind"
        {
            let schema = ObjectBuilder::new().schema_type(Type::String);
            parameter.schema = Some(schema.enum_values(Some(kinds.names())).into());
        }
    }
}

fn problem_schema() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    schemas.push(("Problem".to_owned(), ProblemDocument::schema()));
    schemas
}

/// The introduction, with every type of problem.
fn description() -> String {
    let mut text = String::from(
        "Exact reaction counts that stay available; every answer says how fresh it is.\n\n\
         Every error is an RFC 9457 problem document. Its `type` is stable:\n\n\
         | type | status | title |\n|---|---|---|\n",
    );
    for problem in ProblemType::ALL {
        let status = problem.status().as_u16();
        text += &format!("| `{}` | {status} | {} |\n", problem.uri(), problem.title());
    }
    text
}
