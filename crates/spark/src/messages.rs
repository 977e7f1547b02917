//! What Blotter says of the protocol of Spark Connect (`spark/connect/base.proto` of Spark 4). Field numbers are the protocol's;
//! fields that are not used are left out, as protobuf allows.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct UserContext {
    #[prost(string, tag = "1")]
    pub user_id: String,
}

/// Of a question; commands, which change something, are another field.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Plan {
    #[prost(message, optional, tag = "1")]
    pub root: Option<Relation>,
}

/// One of its fields, beside `common`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Relation {
    #[prost(message, optional, tag = "1")]
    pub common: Option<RelationCommon>,
    #[prost(message, optional, tag = "10")]
    pub sql: Option<Sql>,
    #[prost(message, optional, tag = "11")]
    pub local: Option<LocalRelation>,
    #[prost(message, optional, boxed, tag = "16")]
    pub alias: Option<Box<SubqueryAlias>>,
    #[prost(message, optional, boxed, tag = "41")]
    pub with: Option<Box<WithRelations>>,
}

/// What any relation may have.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RelationCommon {
    /// Distinct within a plan.
    #[prost(int64, optional, tag = "2")]
    pub plan_id: Option<i64>,
}

/// Rows that travel with the plan.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LocalRelation {
    /// A whole stream of Arrow's IPC format.
    #[prost(bytes = "bytes", optional, tag = "1")]
    pub data: Option<bytes::Bytes>,
    /// Names and types, as in `CREATE TABLE`.
    #[prost(string, optional, tag = "2")]
    pub schema: Option<String>,
}

/// A relation under a name.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubqueryAlias {
    #[prost(message, optional, boxed, tag = "1")]
    pub input: Option<Box<Relation>>,
    #[prost(string, tag = "2")]
    pub alias: String,
}

/// A relation that may name others.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct WithRelations {
    #[prost(message, optional, boxed, tag = "1")]
    pub root: Option<Box<Relation>>,
    #[prost(message, repeated, tag = "2")]
    pub references: Vec<Relation>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sql {
    #[prost(string, tag = "1")]
    pub query: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExecutePlanRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(message, optional, tag = "3")]
    pub plan: Option<Plan>,
    #[prost(string, optional, tag = "4")]
    pub client_type: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub request_options: Vec<RequestOption>,
    #[prost(string, optional, tag = "6")]
    pub operation_id: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestOption {
    #[prost(message, optional, tag = "1")]
    pub reattach: Option<ReattachOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReattachOptions {
    #[prost(bool, tag = "1")]
    pub reattachable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExecutePlanResponse {
    #[prost(string, tag = "13")]
    pub response_id: String,
    #[prost(message, optional, tag = "2")]
    pub arrow_batch: Option<ArrowBatch>,
    /// The execution has ended: nothing follows.
    #[prost(message, optional, tag = "14")]
    pub result_complete: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ArrowBatch {
    #[prost(int64, tag = "1")]
    pub row_count: i64,
    /// A whole stream of Arrow's IPC format: its schema and a batch.
    #[prost(bytes = "bytes", tag = "2")]
    pub data: bytes::Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReattachExecuteRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(string, tag = "3")]
    pub operation_id: String,
    #[prost(string, optional, tag = "4")]
    pub client_type: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub last_response_id: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReleaseExecuteRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(string, tag = "3")]
    pub operation_id: String,
    #[prost(string, optional, tag = "4")]
    pub client_type: Option<String>,
    #[prost(oneof = "Release", tags = "5, 6")]
    pub release: Option<Release>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Release {
    /// The execution and all that it answered.
    #[prost(message, tag = "5")]
    All(Empty),
    /// What it answered up to this response.
    #[prost(message, tag = "6")]
    Until(ReleaseUntil),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReleaseUntil {
    #[prost(string, tag = "1")]
    pub response_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AnalyzePlanRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(string, optional, tag = "3")]
    pub client_type: Option<String>,
    #[prost(message, optional, tag = "10")]
    pub spark_version: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AnalyzePlanResponse {
    #[prost(message, optional, tag = "8")]
    pub spark_version: Option<SparkVersion>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SparkVersion {
    #[prost(string, tag = "1")]
    pub version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReleaseSessionRequest {
    #[prost(string, tag = "1")]
    pub session_id: String,
    #[prost(message, optional, tag = "2")]
    pub user_context: Option<UserContext>,
    #[prost(string, optional, tag = "3")]
    pub client_type: Option<String>,
}
