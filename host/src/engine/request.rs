//! A request as a component gets it.

use super::RequestContext;
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;

/// An absolute URI, the host's headers, a body with wasi:http's errors.
pub(super) fn prepare<B>(request: http::Request<B>, context: &RequestContext) -> http::Request<wasmtime_wasi_http::WasiBody>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
    const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
    let mut request = request
        .map(|body| body.map_err(|error| wasmtime_wasi_http::Error::InternalError(Some(error.to_string()))).boxed_unsync());
    let mut uri = request.uri().clone().into_parts();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()?.parse().ok());
    uri.scheme.get_or_insert(http::uri::Scheme::HTTP);
    uri.authority = uri.authority.or(host).or_else(|| Some(http::uri::Authority::from_static("localhost")));
    uri.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    if let Ok(uri) = http::Uri::from_parts(uri) {
        *request.uri_mut() = uri;
    }
    for (name, value) in [(REQUEST_ID, Some(&context.request_id)), (TRACEPARENT, context.traceparent.as_ref())] {
        request.headers_mut().remove(&name);
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            request.headers_mut().insert(name, value);
        }
    }
    request
}
