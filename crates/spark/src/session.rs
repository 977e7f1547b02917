//! A session on a Spark Connect server.

use crate::{
    address::SparkAddress,
    error::{Result, SparkError, pause},
    messages::{
        AnalyzePlanRequest, AnalyzePlanResponse, Empty, ExecutePlanRequest, ExecutePlanResponse, LocalRelation, Plan,
        ReattachExecuteRequest, ReattachOptions, Relation, RelationCommon, Release, ReleaseExecuteRequest,
        ReleaseSessionRequest, ReleaseUntil, RequestOption, Sql, SubqueryAlias, UserContext, WithRelations,
    },
};
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, FieldRef, SchemaRef, TimeUnit},
    error::ArrowError,
    ipc::{reader::StreamReader, writer::StreamWriter},
};
use blotter_runtime::Shutdown;
use std::{io::Cursor, time::Duration};
use tokio::runtime::{Builder, Runtime};
use tonic::{
    Request, Streaming,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_prost::ProstCodec;
use uuid::Uuid;

const ANALYZE: &str = "/spark.connect.SparkConnectService/AnalyzePlan";
const EXECUTE: &str = "/spark.connect.SparkConnectService/ExecutePlan";
const REATTACH: &str = "/spark.connect.SparkConnectService/ReattachExecute";
const RELEASE: &str = "/spark.connect.SparkConnectService/ReleaseExecute";
const RELEASE_SESSION: &str = "/spark.connect.SparkConnectService/ReleaseSession";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection whose other end has gone without a word is noticed after these two.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// A batch of Spark's has some megabytes.
const MOST_MESSAGE_BYTES: usize = 256 << 20;
/// An answer that made no progress for so many attempts is given up.
const ATTEMPTS: u32 = 6;
/// So often a shutdown is looked for while Spark works.
const TICK: Duration = Duration::from_millis(200);
/// The oldest major version that Delta is tried with here.
const LEAST_VERSION: u32 = 4;

/// See the module. When it ends, the server releases what it holds for it.
#[derive(Debug)]
pub struct SparkSession {
    runtime: Runtime,
    channel: Channel,
    address: String,
    id: String,
    user: UserContext,
    token: Option<MetadataValue<Ascii>>,
    stop: Shutdown,
    version: String,
}

impl SparkSession {
    /// Connects, and looks at the server's version. `stop`, triggered, ends every call.
    pub fn connect(address: &SparkAddress, stop: &Shutdown) -> Result<Self> {
        let token = address
            .token()
            .map(|token| {
                let mut value: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(|_| {
                    SparkError::Setting("the token of Spark has a character that no token has".to_owned())
                })?;
                value.set_sensitive(true);
                Ok(value)
            })
            .transpose()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("blotter-spark")
            .enable_all()
            .build()
            .map_err(|error| SparkError::Setting(format!("no thread can be started: {error}")))?;
        let endpoint = endpoint(address)?;
        // `connect_lazy` needs the runtime; whether anybody is there shows with the first call.
        let channel = runtime.block_on(async { endpoint.connect_lazy() });
        let mut session = Self {
            runtime,
            channel,
            address: address.to_string(),
            id: Uuid::new_v4().to_string(),
            user: UserContext { user_id: address.user().to_owned() },
            token,
            stop: stop.clone(),
            version: String::new(),
        };
        session.version = session.ask_version()?;
        let major = session.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < LEAST_VERSION) {
            let (address, version) = (session.address.clone(), session.version.clone());
            return Err(SparkError::Version { address, version, least: LEAST_VERSION });
        }
        Ok(session)
    }

    /// The server's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Asks for rows; `each` is given one batch after the other.
    pub fn rows<E: From<SparkError>>(
        &self,
        sql: &str,
        each: impl FnMut(RecordBatch) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        self.answer_of(question(sql), each)
    }

    /// … where the question names rows of the caller's by that name. They travel with it: a few ten megabytes at most.
    pub fn rows_with<E: From<SparkError>>(
        &self,
        sql: &str,
        name: &str,
        schema: &SchemaRef,
        rows: &[RecordBatch],
        each: impl FnMut(RecordBatch) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let local = local(schema, rows).map_err(|error| SparkError::Setting(format!("rows for Spark: {error}")))?;
        let named = SubqueryAlias { input: Some(Box::new(local)), alias: name.to_owned() };
        // Spark works without the id, Sail does not.
        let common = RelationCommon { plan_id: Some(1) };
        let reference = Relation { common: Some(common), alias: Some(Box::new(named)), ..Relation::default() };
        let with = WithRelations { root: Some(Box::new(question(sql))), references: vec![reference] };
        self.answer_of(Relation { with: Some(Box::new(with)), ..Relation::default() }, each)
    }

    fn answer_of<E: From<SparkError>>(
        &self,
        root: Relation,
        mut each: impl FnMut(RecordBatch) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let plan = Plan { root: Some(root) };
        let mut execution = Execution::default();
        let result = self.attend(&mut execution, &plan, &mut each);
        // Whether it went well or not: the server need not keep anything of it.
        self.release(&execution, Release::All(Empty {}));
        result
    }
}

fn question(sql: &str) -> Relation {
    Relation { sql: Some(Sql { query: sql.to_owned() }), ..Relation::default() }
}

fn local(schema: &SchemaRef, rows: &[RecordBatch]) -> std::result::Result<Relation, ArrowError> {
    let mut data = Vec::new();
    let mut writer = StreamWriter::try_new(&mut data, schema)?;
    for batch in rows {
        writer.write(batch)?;
    }
    writer.finish()?;
    drop(writer);
    // Spark reads the schema from the data where it is left out, Sail does not.
    let relation = LocalRelation { data: Some(data.into()), schema: Some(columns(schema)?) };
    Ok(Relation { local: Some(relation), ..Relation::default() })
}

/// A schema as Spark's SQL writes it.
fn columns(schema: &SchemaRef) -> std::result::Result<String, ArrowError> {
    let column = |field: &FieldRef| {
        let kind = match field.data_type() {
            DataType::Int32 => "INT",
            DataType::Int64 => "BIGINT",
            DataType::Utf8 => "STRING",
            DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP_NTZ",
            other => return Err(ArrowError::SchemaError(format!("no column of type {other} is sent to Spark"))),
        };
        Ok(format!("`{}` {kind}{}", field.name(), if field.is_nullable() { "" } else { " NOT NULL" }))
    };
    let columns: Vec<String> = schema.fields().iter().map(column).collect::<std::result::Result<_, _>>()?;
    Ok(columns.join(", "))
}

fn endpoint(address: &SparkAddress) -> Result<Endpoint> {
    let wrong = |error: tonic::transport::Error| SparkError::Setting(format!("{address}: {error}"));
    let endpoint = Endpoint::from_shared(address.uri())
        .map_err(wrong)?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(false);
    if !address.tls() {
        return Ok(endpoint);
    }
    let mut tls = ClientTlsConfig::new().with_enabled_roots();
    if let Some(file) = address.ca() {
        let pem = std::fs::read(file)
            .map_err(|error| SparkError::Setting(format!("`ca`: {} cannot be read: {error}", file.display())))?;
        tls = tls.ca_certificate(Certificate::from_pem(pem));
    }
    endpoint.tls_config(tls).map_err(wrong)
}

/// What is known of an execution.
#[derive(Default)]
struct Execution {
    /// Empty until it has begun.
    id: String,
    /// The newest response that was taken.
    taken: Option<String>,
    /// Since the last response.
    attempts: u32,
}

impl SparkSession {
    fn ask_version(&self) -> Result<String> {
        let request = AnalyzePlanRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user.clone()),
            client_type: Some(client()),
            spark_version: Some(Empty {}),
        };
        let answer: AnalyzePlanResponse = self.patiently(self.unary(ANALYZE, request))??;
        answer.spark_version.map(|found| found.version).ok_or_else(|| self.answer("it has no version"))
    }

    /// Takes the responses of an execution, over as many streams as that needs.
    fn attend<E: From<SparkError>>(
        &self,
        execution: &mut Execution,
        plan: &Plan,
        each: &mut impl FnMut(RecordBatch) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut stream: Option<Streaming<ExecutePlanResponse>> = None;
        loop {
            let response = match &mut stream {
                Some(stream) => self.next(stream),
                None => self.open(execution, plan).and_then(|opened| self.next(stream.insert(opened))),
            };
            let response = match response {
                Ok(response) => response,
                Err(error) => {
                    stream = None;
                    self.pause_after(error, execution)?;
                    continue;
                }
            };
            execution.attempts = 0;
            if response.result_complete.is_some() {
                return Ok(());
            }
            if let Some(batch) = response.arrow_batch {
                self.batches(batch.data, each)?;
            }
            if !response.response_id.is_empty() {
                self.release(execution, Release::Until(ReleaseUntil { response_id: response.response_id.clone() }));
                execution.taken = Some(response.response_id);
            }
        }
    }

    fn next(&self, stream: &mut Streaming<ExecutePlanResponse>) -> Result<ExecutePlanResponse> {
        match self.patiently(stream.message())? {
            Ok(Some(response)) => Ok(response),
            // The server ends a stream from time to time, so that no proxy has to hold it for ever.
            Ok(None) => Err(self.unreachable("the answer ended too soon")),
            Err(status) => Err(SparkError::of(&self.address, &status)),
        }
    }

    /// Begins the execution, or goes on with it behind what was taken.
    fn open(&self, execution: &mut Execution, plan: &Plan) -> Result<Streaming<ExecutePlanResponse>> {
        if execution.id.is_empty() {
            // A new name for each attempt: whether the one before came to the server is not known.
            let id = Uuid::new_v4().to_string();
            let stream = self.patiently(self.begin(&id, plan))??;
            execution.id = id;
            return Ok(stream);
        }
        match self.patiently(self.reattach(execution))? {
            // A server that was started anew knows nothing of it. It begins again, unless a part was taken: the caller has that.
            Err(SparkError::Aborted { reason, .. } | SparkError::Failed { reason, .. }) if is_forgotten(&reason) => {
                execution.id.clear();
                if execution.taken.is_some() {
                    execution.attempts = ATTEMPTS;
                }
                Err(self.unreachable("it was started anew and has lost the answer"))
            }
            opened => opened,
        }
    }

    /// Waits after a failure of the connection; any other ends the execution, and so does one too many.
    fn pause_after(&self, error: SparkError, execution: &mut Execution) -> Result<()> {
        if !matches!(error, SparkError::Unreachable { .. }) || execution.attempts >= ATTEMPTS {
            return Err(error);
        }
        tracing::debug!(%error, attempt = execution.attempts, "the execution is attended again");
        if self.stop.wait_timeout(pause(execution.attempts)) {
            return Err(SparkError::Interrupted);
        }
        execution.attempts += 1;
        Ok(())
    }

    /// Tells the server what it need not keep, and does not wait for the answer: if this is lost, the server keeps it for some minutes.
    fn release(&self, execution: &Execution, release: Release) {
        if execution.id.is_empty() {
            return;
        }
        let request = ReleaseExecuteRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user.clone()),
            operation_id: execution.id.clone(),
            client_type: Some(client()),
            release: Some(release),
        };
        drop(self.runtime.spawn(self.unary::<_, Empty>(RELEASE, request)));
    }

    fn batches<E: From<SparkError>>(
        &self,
        data: bytes::Bytes,
        each: &mut impl FnMut(RecordBatch) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let reader = StreamReader::try_new(Cursor::new(data), None).map_err(|error| self.answer(&error.to_string()))?;
        for batch in reader {
            let batch = batch.map_err(|error| self.answer(&error.to_string()))?;
            if batch.num_rows() > 0 {
                each(batch)?;
            }
        }
        Ok(())
    }

    async fn begin(&self, id: &str, plan: &Plan) -> Result<Streaming<ExecutePlanResponse>> {
        let request = ExecutePlanRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user.clone()),
            plan: Some(plan.clone()),
            client_type: Some(client()),
            request_options: vec![RequestOption { reattach: Some(ReattachOptions { reattachable: true }) }],
            operation_id: Some(id.to_owned()),
        };
        self.streaming(EXECUTE, request).await
    }

    async fn reattach(&self, execution: &Execution) -> Result<Streaming<ExecutePlanResponse>> {
        let request = ReattachExecuteRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user.clone()),
            operation_id: execution.id.clone(),
            client_type: Some(client()),
            last_response_id: execution.taken.clone(),
        };
        self.streaming(REATTACH, request).await
    }

    /// Waits for Spark; a shutdown ends the wait.
    fn patiently<F: Future>(&self, future: F) -> Result<F::Output> {
        self.runtime.block_on(async {
            tokio::pin!(future);
            loop {
                match tokio::time::timeout(TICK, &mut future).await {
                    Ok(output) => return Ok(output),
                    Err(_) if self.stop.is_triggered() => return Err(SparkError::Interrupted),
                    Err(_) => {}
                }
            }
        })
    }

    fn unary<Q, A>(&self, method: &'static str, request: Q) -> impl Future<Output = Result<A>> + Send + use<Q, A>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let (request, address, mut grpc) = (self.authorized(request), self.address.clone(), self.grpc());
        async move {
            ready(&mut grpc, &address).await?;
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            let answer = grpc.unary(request, PathAndQuery::from_static(method), codec).await;
            answer.map(tonic::Response::into_inner).map_err(|status| SparkError::of(&address, &status))
        }
    }

    async fn streaming<Q>(&self, method: &'static str, request: Q) -> Result<Streaming<ExecutePlanResponse>>
    where
        Q: prost::Message + Send + Sync + 'static,
    {
        let mut grpc = self.grpc();
        ready(&mut grpc, &self.address).await?;
        let codec: ProstCodec<Q, ExecutePlanResponse> = ProstCodec::default();
        let answer = grpc.server_streaming(self.authorized(request), PathAndQuery::from_static(method), codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| SparkError::of(&self.address, &status))
    }

    fn grpc(&self) -> Grpc<Channel> {
        Grpc::new(self.channel.clone()).max_decoding_message_size(MOST_MESSAGE_BYTES)
    }

    fn authorized<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        request
    }

    fn unreachable(&self, reason: &str) -> SparkError {
        SparkError::Unreachable { address: self.address.clone(), reason: reason.to_owned() }
    }

    fn answer(&self, reason: &str) -> SparkError {
        SparkError::Answer { address: self.address.clone(), reason: reason.to_owned() }
    }
}

impl Drop for SparkSession {
    fn drop(&mut self) {
        let request = ReleaseSessionRequest {
            session_id: self.id.clone(),
            user_context: Some(self.user.clone()),
            client_type: Some(client()),
        };
        let released = self.unary::<_, Empty>(RELEASE_SESSION, request);
        // A server that is away has forgotten the session by then.
        let _elapsed = self.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), released).await });
    }
}

async fn ready(grpc: &mut Grpc<Channel>, address: &str) -> Result<()> {
    grpc.ready().await.map_err(|error| {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(deeper) = source {
            reason = deeper.to_string();
            source = deeper.source();
        }
        SparkError::Unreachable { address: address.to_owned(), reason }
    })
}

/// Whether the server no longer has an execution: in the words of Spark, and of Sail.
fn is_forgotten(reason: &str) -> bool {
    ["OPERATION_NOT_FOUND", "SESSION_NOT_FOUND", "operation not found", "context not found for operation"]
        .iter()
        .any(|sign| reason.contains(sign))
}

fn client() -> String {
    format!("blotter/{}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Field, Schema};

    #[test]
    fn schema_is_written_as_spark_sql_columns() {
        let field = |name, kind| Field::new(name, kind, false);
        let schema = SchemaRef::new(Schema::new(vec![
            field("offset", DataType::Int64),
            field("hour", DataType::Int32),
            field("id", DataType::Utf8).with_nullable(true),
            field("at", DataType::Timestamp(TimeUnit::Microsecond, None)).with_nullable(true),
        ]));
        let expected = "`offset` BIGINT NOT NULL, `hour` INT NOT NULL, `id` STRING, `at` TIMESTAMP_NTZ";
        assert_eq!(columns(&schema).ok().as_deref(), Some(expected));
        let other = SchemaRef::new(Schema::new(vec![field("x", DataType::Float64)]));
        assert!(columns(&other).is_err());
    }

    #[test]
    fn lost_answers_are_recognized_in_the_words_of_both_servers() {
        assert!(is_forgotten("[INVALID_HANDLE.OPERATION_NOT_FOUND] The handle 7 is invalid."));
        assert!(is_forgotten("invalid argument: operation not found: 7"));
        assert!(is_forgotten("internal error: task context not found for operation"));
        assert!(!is_forgotten("[TABLE_OR_VIEW_NOT_FOUND] x"));
    }
}
