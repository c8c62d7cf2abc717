/* SPDX-License-Identifier: Apache-2.0
 *
 * The C interface of Heddle: everything else (C++, Python, the command line) stands on it.
 *
 * 1. A function that can fail returns heddle_status*: NULL is success; anything else is an error
 * that the caller frees with heddle_status_free. No function throws, aborts or prints. NULL where a
 * value belongs is HEDDLE_INVALID_ARGUMENT; functions that return a value answer 0 or NULL to it;
 * freeing NULL does nothing.
 * 2. A struct that the caller fills begins with its size: set it with sizeof. Fields that are added
 * later go to the end, zero is always their default, and NULL instead of an options struct means
 * all defaults.
 * 3. heddle_engine, heddle_model and heddle_cancel may be used from any thread at any time. A
 * heddle_session runs one call at a time: a second one is refused. heddle_outputs belongs to one
 * thread at a time.
 * 4. Whatever *_create, *_load or *_run hands out is freed by the function of the same family, in
 * any order: an object keeps alive what it needs.
 * 5. Memory given as input is only read, and only during the call. Memory given for outputs
 * overlaps neither inputs nor other outputs, and holds nothing certain after an error. Data must be
 * aligned to its element size. A request that is submitted is a call that ends when its ticket is
 * done.
 * 6. In a child forked during a call, locks may be held by threads that did not come along. There
 * a function that can fail says HEDDLE_FAILED_PRECONDITION, none waits, and freeing leaves the
 * memory be.
 */
#ifndef HEDDLE_C_H_
#define HEDDLE_C_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEDDLE_EXPORT __attribute__((visibility("default")))
#define HEDDLE_MAX_RANK 8
#define HEDDLE_SHAPE_OF_MODEL (-1)

typedef struct heddle_status heddle_status;
typedef struct heddle_engine heddle_engine;
typedef struct heddle_model heddle_model;
typedef struct heddle_session heddle_session;
typedef struct heddle_outputs heddle_outputs;
typedef struct heddle_cancel heddle_cancel;
typedef struct heddle_queue heddle_queue;
typedef struct heddle_ticket heddle_ticket;
typedef struct heddle_completions heddle_completions;

typedef enum heddle_code {
  HEDDLE_OK = 0,
  HEDDLE_INVALID_ARGUMENT = 1,    /* the caller's tensor, name or option is wrong */
  HEDDLE_INVALID_MODEL = 2,       /* the model file is broken or makes no sense */
  HEDDLE_NOT_FOUND = 3,           /* no such file, tensor or signature */
  HEDDLE_UNSUPPORTED = 4,         /* valid, but beyond this build: the message says what is */
  HEDDLE_FAILED_PRECONDITION = 5, /* a busy session, a child forked during a call */
  HEDDLE_RESOURCE_EXHAUSTED = 6,  /* a memory or size limit, a queue that is full */
  HEDDLE_DEADLINE_EXCEEDED = 7,
  HEDDLE_CANCELLED = 8,
  HEDDLE_INTERNAL = 9 /* a defect of Heddle */
} heddle_code;

/* Numbers of the .tflite format. */
typedef enum heddle_type {
  HEDDLE_FLOAT32 = 0,
  HEDDLE_FLOAT16 = 1,
  HEDDLE_INT32 = 2,
  HEDDLE_UINT8 = 3,
  HEDDLE_INT64 = 4,
  HEDDLE_STRING = 5,
  HEDDLE_BOOL = 6,
  HEDDLE_INT16 = 7,
  HEDDLE_COMPLEX64 = 8,
  HEDDLE_INT8 = 9,
  HEDDLE_FLOAT64 = 10,
  HEDDLE_COMPLEX128 = 11,
  HEDDLE_UINT64 = 12,
  HEDDLE_RESOURCE = 13,
  HEDDLE_VARIANT = 14,
  HEDDLE_UINT32 = 15,
  HEDDLE_UINT16 = 16,
  HEDDLE_INT4 = 17,
  HEDDLE_BFLOAT16 = 18,
  HEDDLE_INT2 = 19,
  HEDDLE_UINT4 = 20
} heddle_type;

typedef enum heddle_numerics {
  HEDDLE_FAST = 0,     /* what LiteRT's default interpreter computes */
  HEDDLE_REFERENCE = 1 /* what LiteRT's reference kernels compute */
} heddle_numerics;

/* A tensor in the caller's memory. Strings are in the .tflite encoding: count, offsets, bytes. */
typedef struct heddle_tensor {
  size_t struct_size;
  const char* name; /* of the tensor, or of the signature's input or output; NULL: by position */
  heddle_type type;
  int32_t rank; /* HEDDLE_SHAPE_OF_MODEL: as the model declares, checked against bytes */
  int32_t dims[HEDDLE_MAX_RANK];
  void* data;
  size_t bytes;
} heddle_tensor;

/* What a model says of an input or output. A size that is known only from the input is -1. Strings
 * belong to the model. */
typedef struct heddle_tensor_info {
  size_t struct_size;
  const char* name;
  heddle_type type;
  int32_t rank; /* -1: the model does not say */
  int32_t dims[HEDDLE_MAX_RANK];
  float scale; /* 0: not quantised, or per channel */
  int32_t zero_point;
  int32_t subgraph; /* where heddle_model_tensor finds it */
  int32_t tensor;
} heddle_tensor_info;

/* Any tensor of the graph, as the file has it. Pointers belong to the model. */
typedef struct heddle_graph_tensor {
  size_t struct_size;
  const char* name;
  heddle_type type;
  int32_t rank; /* -1: the model does not say */
  int32_t dims[HEDDLE_MAX_RANK];
  int32_t signature_rank; /* 0: the file has no shape signature */
  int32_t signature[HEDDLE_MAX_RANK];
  const float* scales; /* one: of the whole tensor; more: one per index of `axis` */
  size_t scale_count;
  const int64_t* zero_points;
  size_t zero_point_count;
  int32_t axis;
  /* Of a constant that is stored densely; NULL: it is none, or its memory went back to the system
   * once it was packed, and the file has changed since. */
  const void* data;
  size_t bytes;
  int32_t variable; /* 1: it keeps its value from one call of a session to the next */
} heddle_graph_tensor;

/* An application's own threads, to share the steps of calls in place of Heddle's. */
typedef struct heddle_executor {
  size_t struct_size;
  int32_t threads; /* that may work on one step at the same time, its caller's included */
  /* Calls part(work) `parts` times, or less often, on any threads, and returns when all these calls
   * have returned. Parts divide the work among themselves, and the caller does what they leave. Is
   * called from many threads at once and must not throw. Where threads of the pool run models
   * themselves, `run` must not wait for a part that has not begun: call it instead. */
  void (*run)(void* arg, int32_t parts, void (*part)(void* work), void* work);
  void* arg; /* lives as long as the engine and its models */
} heddle_executor;

/* Limits are looked at before memory is taken. The bytes of model files count for none. What a
 * model makes of its constants (packed, expanded, computed when it is loaded) may take 8 times the
 * size of its file, and arena_limit_bytes besides. */
typedef struct heddle_engine_options {
  size_t struct_size;
  uint64_t memory_limit_bytes; /* of all that models pack, calls and sessions hold; 0: no limit */
  uint64_t arena_limit_bytes;  /* of one call; 0: 4 GiB */
  uint64_t mac_limit;          /* multiply-adds of one call; 0: 10^13 */
  int32_t cores;               /* never use more than these; 0: what the container allows */
  const heddle_executor* executor; /* copied; NULL: Heddle's own threads */
  /* A folder for packed weights, which the next process finds there; "": none; NULL: the
   * environment's HEDDLE_CACHE, else the user's own. */
  const char* cache;
} heddle_engine_options;

typedef struct heddle_load_options {
  size_t struct_size;
  heddle_numerics numerics;
  const char* isa;  /* an instruction set by name, as heddle_model_isa returns; NULL: the best */
  int32_t keep_all; /* 1: every tensor keeps memory of its own and can be read after a call */
} heddle_load_options;

typedef struct heddle_run_options {
  size_t struct_size;
  int64_t deadline_ns; /* absolute, CLOCK_MONOTONIC; 0: none */
  const heddle_cancel* cancel;
  const char* signature; /* NULL: the main graph */
  heddle_session* session;
  int32_t fresh_state; /* 1: a stateful model may run without a session; its state is thrown away */
} heddle_run_options;

typedef enum heddle_priority { HEDDLE_NORMAL = 0, HEDDLE_HIGH = 1, HEDDLE_LOW = 2 } heddle_priority;

/* What a queue does with a request that finds no room. */
typedef enum heddle_policy {
  HEDDLE_POLICY_INHERITED = 0, /* of a stream: its model's; of a model: the queue's; then: refuse */
  HEDDLE_REFUSE = 1,           /* HEDDLE_RESOURCE_EXHAUSTED, and heddle_status_retry_ns says when */
  HEDDLE_BLOCK = 2,            /* the submitter waits for room, no longer than to the deadline */
  HEDDLE_DROP_OLDEST = 3, /* the oldest of its stream that have not begun make room, if that does */
  HEDDLE_LATEST = 4       /* and even where there is room: at most one of a stream waits */
} heddle_policy;

typedef enum heddle_event_kind {
  HEDDLE_ACCEPTED = 1,
  HEDDLE_BEGUN = 2,
  HEDDLE_ENDED = 3
} heddle_event_kind;

/* What happened to a request. Times are of CLOCK_MONOTONIC; 0: not yet, or never. */
typedef struct heddle_event {
  size_t struct_size;
  heddle_event_kind kind;
  heddle_code code; /* of HEDDLE_ENDED: how */
  uint64_t request; /* the same in all events of a request; another's only after its end */
  uint64_t model;   /* as heddle_model_id says */
  uint64_t stream;
  uint64_t tag;
  heddle_priority priority;
  uint32_t batch; /* how many requests run as one; 0: it has not begun */
  int64_t accepted_ns, begun_ns, ended_ns;
} heddle_event;

typedef struct heddle_queue_options {
  size_t struct_size;
  uint64_t most_requests; /* accepted and not done; 0: 1024 */
  uint64_t most_bytes;    /* of their inputs; 0: 1 GiB */
  heddle_policy policy;
  /* Called for every request that is accepted, begins and ends, by the thread that lets it, under
   * no lock, before callbacks: should be short, and asks nothing of the queue. Another thread may
   * tell that a request begins before this one has told that it was accepted. */
  void (*trace)(void* arg, const heddle_event* event);
  void* trace_arg;
} heddle_queue_options;

/* What a model may have of a queue, or a stream of a model's part. */
typedef struct heddle_share {
  size_t struct_size;
  double weight;          /* of its compute time beside others that want more; 0: 1 */
  uint64_t most_requests; /* accepted and not done; 0: as the queue */
  uint64_t most_bytes;
  heddle_policy policy;
} heddle_share;

typedef struct heddle_submit_options {
  size_t struct_size;
  int64_t deadline_ns; /* absolute, CLOCK_MONOTONIC; 0: none */
  heddle_priority priority;
  int32_t in_order;        /* 1: done after all in-order requests of the stream that began before */
  uint64_t stream;         /* whose request it is: a camera, a client, a key; 0: nobody's */
  const char* signature;   /* NULL: the main graph */
  heddle_session* session; /* its requests run one after another, as submitted */
  int32_t fresh_state;     /* as in heddle_run_options */
  int32_t copy_inputs;     /* 1: the inputs may change as soon as submit returns */
  heddle_completions* completions; /* told of the end, with this tag */
  uint64_t tag;
} heddle_submit_options;

/* What a queue, or one model in it, did since it was made. */
typedef struct heddle_queue_counters {
  size_t struct_size;
  uint64_t submitted; /* = accepted + refused */
  uint64_t refused_full, refused_deadline, refused_closed, refused_wrong;
  uint64_t done; /* accepted ones that ended = succeeded + failed + the five below */
  uint64_t succeeded, failed;
  uint64_t expired_waiting, expired_running, cancelled_waiting, cancelled_running, displaced;
  uint64_t waiting, running, bytes; /* at this moment */
  uint64_t most_waiting, most_bytes;
  uint64_t queue_ns, run_ns; /* of those that began, and of those that ran: together */
  uint64_t batches, batched; /* runs of more than one request, and the requests in them */
  uint64_t ahead_ns;         /* what waits, as its models' learned costs say, on one core */
  /* The same of all that was submitted, refused or not: what it grows by in a time, over that time
   * and the budget, is the demand. */
  uint64_t asked_ns;
  uint64_t budget;                       /* cores, at this moment */
  uint64_t largest_batch, batches_again; /* again: that failed, and ran request by request */
} heddle_queue_counters;

/* How long a step takes, which may stand for several operators of the file. */
typedef struct heddle_step_time {
  size_t struct_size;
  int32_t op;         /* the operator's index in the graph */
  const char* name;   /* of the operator: "CONV_2D" */
  const char* kernel; /* what computes it */
  int32_t rank;       /* of its first output */
  int32_t dims[HEDDLE_MAX_RANK];
  int64_t macs; /* multiply-adds */
  int64_t ns;   /* below 0: it cannot be run by itself */
} heddle_step_time;

HEDDLE_EXPORT const char* heddle_version(void);

typedef enum heddle_log_level {
  HEDDLE_LOG_WARNING = 1, /* of a file that is loaded: it runs, but likely not as it was meant */
  HEDDLE_LOG_INFO = 2     /* worth knowing before feeding it */
} heddle_log_level;
/* Where goes what the library has to say beside results and errors, up to the level `most`: of the
 * whole process, one text at a time, on the thread that it comes from. It never prints; without a
 * sink (NULL), as at first, all is dropped. The sink calls no function of the library. When this
 * returns, no thread is inside the former sink nor will call it. */
HEDDLE_EXPORT heddle_status* heddle_log_set_sink(void (*sink)(void* arg, heddle_log_level level,
                                                              const char* text),
                                                 void* arg, heddle_log_level most);

HEDDLE_EXPORT heddle_code heddle_status_code(const heddle_status* status); /* NULL: HEDDLE_OK */
HEDDLE_EXPORT const char* heddle_status_message(const heddle_status* status);
/* After how long a refused request may find room; 0: nothing says that it ever will. */
HEDDLE_EXPORT int64_t heddle_status_retry_ns(const heddle_status* status);
HEDDLE_EXPORT void heddle_status_free(heddle_status* status);
HEDDLE_EXPORT const char* heddle_code_name(heddle_code code);
HEDDLE_EXPORT const char* heddle_type_name(heddle_type type);
HEDDLE_EXPORT size_t heddle_type_bits(heddle_type type); /* 0: of no fixed size */

HEDDLE_EXPORT heddle_status* heddle_engine_create(const heddle_engine_options* options,
                                                  heddle_engine** out);
HEDDLE_EXPORT void heddle_engine_free(heddle_engine* engine);

HEDDLE_EXPORT heddle_status* heddle_model_load(heddle_engine* engine, const char* path,
                                               const heddle_load_options* options,
                                               heddle_model** out);
/* The bytes are copied. */
HEDDLE_EXPORT heddle_status* heddle_model_load_bytes(heddle_engine* engine, const void* data,
                                                     size_t bytes,
                                                     const heddle_load_options* options,
                                                     heddle_model** out);
/* One more owner of the same model. */
HEDDLE_EXPORT heddle_model* heddle_model_ref(heddle_model* model);
HEDDLE_EXPORT void heddle_model_free(heddle_model* model);

/* The same for all owners of a model, and no other's as long as one is left. */
HEDDLE_EXPORT uint64_t heddle_model_id(const heddle_model* model);
HEDDLE_EXPORT const char* heddle_model_isa(const heddle_model* model);
/* Of the one copy that all callers share. */
HEDDLE_EXPORT uint64_t heddle_model_weights_bytes(const heddle_model* model);
/* Of one call, at the shapes run last. */
HEDDLE_EXPORT uint64_t heddle_model_arena_bytes(const heddle_model* model);
HEDDLE_EXPORT size_t heddle_model_signature_count(const heddle_model* model);
/* NULL: no such signature. */
HEDDLE_EXPORT const char* heddle_model_signature_name(const heddle_model* model, size_t index);
/* signature NULL: the main graph, whose tensors then go by the names of its first signature, or
 * their own. */
HEDDLE_EXPORT heddle_status* heddle_model_input_count(const heddle_model* model,
                                                      const char* signature, size_t* out);
HEDDLE_EXPORT heddle_status* heddle_model_output_count(const heddle_model* model,
                                                       const char* signature, size_t* out);
HEDDLE_EXPORT heddle_status* heddle_model_input(const heddle_model* model, const char* signature,
                                                size_t index, heddle_tensor_info* out);
HEDDLE_EXPORT heddle_status* heddle_model_output(const heddle_model* model, const char* signature,
                                                 size_t index, heddle_tensor_info* out);

/* What calls of the signature remember from one to the next, so that they need a session; NULL:
 * nothing. */
HEDDLE_EXPORT const char* heddle_model_state(const heddle_model* model, const char* signature);
HEDDLE_EXPORT size_t heddle_model_subgraph_count(const heddle_model* model);
/* 0: no such subgraph. */
HEDDLE_EXPORT size_t heddle_model_tensor_count(const heddle_model* model, size_t subgraph);
HEDDLE_EXPORT heddle_status* heddle_model_tensor(const heddle_model* model, size_t subgraph,
                                                 size_t index, heddle_graph_tensor* out);
/* The type and shape that a tensor of the signature's graph has with inputs of these shapes (one
 * that is not named has the file's). Its rank is HEDDLE_SHAPE_OF_MODEL where only a run can tell.
 * Nothing runs; only name, type, rank and dims of the inputs are read. */
HEDDLE_EXPORT heddle_status* heddle_model_shape(heddle_model* model, const char* signature,
                                                const heddle_tensor* inputs, size_t input_count,
                                                size_t tensor, heddle_tensor* out);

/* Prepares the Plan for these input shapes (none: the file's) and the memory of `callers`
 * concurrent calls, so that later calls allocate nothing; until 16 other sets of shapes have been
 * run, or another call finds no memory left below the engine's limit. Only name, type, rank and
 * dims of the tensors are read. */
HEDDLE_EXPORT heddle_status* heddle_model_warm(heddle_model* model, const heddle_tensor* shapes,
                                               size_t count, int32_t callers);

/* Runs the steps of the main graph one by one, each many times on what a whole call gave it, and
 * tells the median times in the order of the steps. For looking, not for serving: it takes the
 * memory of a second copy of the model, and one thread for a while. What `step` is given, strings
 * included, is there while it is called. */
HEDDLE_EXPORT heddle_status* heddle_model_profile(
    heddle_model* model, const heddle_tensor* inputs, size_t input_count,
    void (*step)(void* arg, const heddle_step_time* time), void* arg);

/* One inference. An output that is named in `outputs`, once at most, is written into the caller's
 * memory, whose dims are then set; the others can be read through `views`, which holds the call's
 * memory until it is freed. Either may be NULL. */
HEDDLE_EXPORT heddle_status* heddle_model_run(heddle_model* model, const heddle_tensor* inputs,
                                              size_t input_count, heddle_tensor* outputs,
                                              size_t output_count,
                                              const heddle_run_options* options,
                                              heddle_outputs** views);

HEDDLE_EXPORT size_t heddle_outputs_count(const heddle_outputs* outputs);
HEDDLE_EXPORT heddle_status* heddle_outputs_get(const heddle_outputs* outputs, size_t index,
                                                heddle_tensor* out);
HEDDLE_EXPORT heddle_status* heddle_outputs_find(const heddle_outputs* outputs, const char* name,
                                                 heddle_tensor* out);
/* Any tensor of the graph that ran, by its index; of those that are no output only what keep_all
 * keeps. */
HEDDLE_EXPORT heddle_status* heddle_outputs_tensor(const heddle_outputs* outputs, size_t tensor,
                                                   heddle_tensor* out);
HEDDLE_EXPORT void heddle_outputs_free(heddle_outputs* outputs);

HEDDLE_EXPORT heddle_status* heddle_session_create(heddle_model* model, heddle_session** out);
/* As it was when created. */
HEDDLE_EXPORT heddle_status* heddle_session_reset(heddle_session* session);
/* Sets *bytes to the size of the state; writes it to `data`, unless that is NULL, if *bytes was
 * enough. */
HEDDLE_EXPORT heddle_status* heddle_session_save(heddle_session* session, void* data,
                                                 size_t* bytes);
/* What an earlier save wrote, of any session of the same model. A refusal changes nothing. */
HEDDLE_EXPORT heddle_status* heddle_session_restore(heddle_session* session, const void* data,
                                                    size_t bytes);
/* Another session that remembers the same. */
HEDDLE_EXPORT heddle_status* heddle_session_clone(heddle_session* session, heddle_session** out);
HEDDLE_EXPORT void heddle_session_free(heddle_session* session);

HEDDLE_EXPORT heddle_status* heddle_cancel_create(heddle_cancel** out);
/* Stops every call that was given this token. */
HEDDLE_EXPORT void heddle_cancel_set(heddle_cancel* cancel);
HEDDLE_EXPORT void heddle_cancel_free(heddle_cancel* cancel);

/* A bounded waiting room in front of models, whose requests the process's compute threads run.
 * May be used from any thread at any time, as its tickets may. Freeing it drains it, and so does
 * nothing inside a callback. */
HEDDLE_EXPORT heddle_status* heddle_queue_create(const heddle_queue_options* options,
                                                 heddle_queue** out);
HEDDLE_EXPORT void heddle_queue_free(heddle_queue* queue);
/* Holds from now on; what was accepted stays. */
HEDDLE_EXPORT heddle_status* heddle_queue_set_model(heddle_queue* queue, heddle_model* model,
                                                    const heddle_share* share);
HEDDLE_EXPORT heddle_status* heddle_queue_set_stream(heddle_queue* queue, uint64_t stream,
                                                     const heddle_share* share);

/* Never blocks, unless the policy says so. The inputs' memory and names, unless they are copied,
 * and the outputs' belong to the request until its ticket is done. The queue keeps the model until
 * it is unloaded. */
HEDDLE_EXPORT heddle_status* heddle_queue_submit(heddle_queue* queue, heddle_model* model,
                                                 const heddle_tensor* inputs, size_t input_count,
                                                 heddle_tensor* outputs, size_t output_count,
                                                 const heddle_submit_options* options,
                                                 heddle_ticket** out);
/* Returns when all that was accepted before is done and its callbacks have returned. */
HEDDLE_EXPORT heddle_status* heddle_queue_join(heddle_queue* queue);
/* Refuses what comes from now on, cancels what is there if `cancel` is 1, and joins. */
HEDDLE_EXPORT heddle_status* heddle_queue_drain(heddle_queue* queue, int32_t cancel);
/* The same for the requests of one model, which the queue then forgets. */
HEDDLE_EXPORT heddle_status* heddle_queue_unload(heddle_queue* queue, heddle_model* model,
                                                 int32_t cancel);
/* model NULL: of the whole queue. */
HEDDLE_EXPORT heddle_status* heddle_queue_read_counters(const heddle_queue* queue,
                                                        const heddle_model* model,
                                                        heddle_queue_counters* out);

/* 1: done. 0: not within this time; negative: waits for as long as it takes. The waiting thread
 * may run the request itself, if that is thought to take less; it is late if it takes more. */
HEDDLE_EXPORT int32_t heddle_ticket_wait(heddle_ticket* ticket, int64_t timeout_ns);
/* How the request ended. views, unless NULL, gets what was not written into the caller's memory.
 * Of a request that is not done: HEDDLE_FAILED_PRECONDITION. */
HEDDLE_EXPORT heddle_status* heddle_ticket_result(heddle_ticket* ticket, heddle_outputs** views);
/* What has not begun never will; what runs stops between two steps. */
HEDDLE_EXPORT void heddle_ticket_cancel(heddle_ticket* ticket);
/* Calls `done` once, when the request is done: on the thread that ended it, or now. Once a ticket.
 * `done` may submit; join, drain and unload fail in it. It must not wait for, or free the ticket
 * of, a later in-order request of its stream: that one waits for it. */
HEDDLE_EXPORT heddle_status* heddle_ticket_then(heddle_ticket* ticket,
                                                void (*done)(void* arg, heddle_ticket* ticket),
                                                void* arg);
/* Cancels, and returns when the request is done: the caller's memory is its own again. */
HEDDLE_EXPORT void heddle_ticket_free(heddle_ticket* ticket);
/* Lets the request go on without a ticket. */
HEDDLE_EXPORT void heddle_ticket_drop(heddle_ticket* ticket);

/* For event loops: the tags of requests as they end, one for each that was accepted. */
HEDDLE_EXPORT heddle_status* heddle_completions_create(heddle_completions** out);
/* An eventfd, readable while there are tags; it is not to be read. */
HEDDLE_EXPORT int heddle_completions_fd(const heddle_completions* completions);
/* The number of tags that were taken, at once; 0: there are none. */
HEDDLE_EXPORT size_t heddle_completions_take(heddle_completions* completions, uint64_t* tags,
                                             size_t most);
HEDDLE_EXPORT void heddle_completions_free(heddle_completions* completions);

#ifdef __cplusplus
}
#endif
#endif /* HEDDLE_C_H_ */
