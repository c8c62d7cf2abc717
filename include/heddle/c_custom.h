/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators of your own: kernels for custom operators by the name that stands in the model file.
 * EXPERIMENTAL: this header may change in any version; c.h does not.
 *
 * 1. An operator is registered with an engine and serves every model that is loaded afterwards.
 * It comes before an operator of the same name that Heddle has built in; the same name twice in one
 * engine is HEDDLE_INVALID_ARGUMENT.
 * 2. Heddle copies the struct, but not what `user` points to: that must live until free_user.
 * 3. Functions are called from any thread and from several at once, also for the same node. What
 * they are given lives until they return; only the options and scales of a node and the data of its
 * constants live as long as `self`.
 * 4. shapes, work, tile and run write nothing but what they are asked to fill: no state of your
 * own.
 * 5. Nothing guards against a function that writes elsewhere, does not return or throws. Errors
 * that it returns reach the caller with the index and the name of the operator in front.
 */
#ifndef HEDDLE_C_CUSTOM_H_
#define HEDDLE_C_CUSTOM_H_

#include "heddle/c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct heddle_operand {
  size_t struct_size;
  const char* name;
  heddle_type type;
  int32_t rank;
  int32_t dims[HEDDLE_MAX_RANK]; /* in make: the file's, where -1 is a size that a call decides */
  const void* data;              /* the value, where it is known before any call; else NULL */
  size_t bytes;                  /* of data */
  const float* scales;           /* NULL: not quantised */
  const int64_t* zero_points;    /* as many as scales */
  size_t scale_count;
  int32_t axis; /* of several scales */
} heddle_operand;

/* One use of the operator in a model. */
typedef struct heddle_node {
  size_t struct_size;
  const char* name; /* of the operator */
  int32_t version;  /* that the file asks for */
  const void* options;
  size_t options_bytes;                /* the file's custom_options, often a FlexBuffer */
  const heddle_operand* const* inputs; /* NULL: an optional input that is absent */
  size_t input_count;
  const heddle_operand* const* outputs;
  size_t output_count;
} heddle_node;

typedef struct heddle_shape {
  int32_t rank;
  int32_t dims[HEDDLE_MAX_RANK];
} heddle_shape;

/* How a node is run at given shapes. Zero fields: one tile, no scratch, a cost that is unknown. */
typedef struct heddle_work {
  size_t struct_size;
  int64_t tiles;        /* independent parts; threads take ranges of them */
  double tile_ns;       /* roughly, of one tile: decides whether threads help */
  size_t scratch_bytes; /* of each thread that helps */
  int64_t macs;         /* multiply-adds, for limits and reports */
} heddle_work;

/* The memory of one running call. */
typedef struct heddle_call {
  size_t struct_size;
  const void* const* inputs; /* NULL for an absent one */
  void* const* outputs;
  void* scratch; /* of this thread, 64-byte aligned, with undefined content */
} heddle_call;

/* What a tile found. Anything but HEDDLE_TILE_OK stops the call; of several failing tiles the
 * lowest decides. */
typedef enum heddle_tile_code {
  HEDDLE_TILE_OK = 0,
  HEDDLE_TILE_INDEX_OUT_OF_RANGE = 1,
  HEDDLE_TILE_DIVISION_BY_ZERO = 2,
  HEDDLE_TILE_BAD_VALUE = 3,
  HEDDLE_TILE_FAILED = 4
} heddle_tile_code;

typedef enum heddle_operator_flags {
  /* The outputs follow from the inputs, bit for bit, so they may be computed once, when the model
   * is loaded, where all inputs are constants. */
  HEDDLE_OPERATOR_DETERMINISTIC = 1
} heddle_operator_flags;

/* Where `self` stands, it is what make made; without make it is `user`. */
typedef struct heddle_operator {
  size_t struct_size;
  const char* name;
  uint32_t flags;
  uint32_t value_inputs; /* bit k: shapes and work read the data of input k */
  void* user;
  void (*free_user)(void* user); /* NULL: nothing to free */

  /* NULL: nothing to make. Checks the types, reads the options, keeps what tiles need. An error
   * refuses the model. */
  heddle_status* (*make)(void* user, const heddle_node* node, void** self);
  void (*free_self)(void* self);
  /* Fills in a shape for each output. Outputs have fixed sizes: no strings. */
  heddle_status* (*shapes)(const void* self, const heddle_node* node, heddle_shape* outputs);
  /* NULL: all zero. */
  heddle_status* (*work)(const void* self, const heddle_node* node, heddle_work* work);
  /* Exactly one of the two. tile computes tiles [begin, end): any split of the range, in any order,
   * gives the same bits. Returns a heddle_tile_code. */
  int32_t (*tile)(const void* self, const heddle_node* node, const heddle_call* call, int64_t begin,
                  int64_t end);
  /* The whole node on the calling thread. */
  heddle_status* (*run)(const void* self, const heddle_node* node, const heddle_call* call);
} heddle_operator;

/* On an error nothing of `op` is kept, and free_user is not called. */
HEDDLE_EXPORT heddle_status* heddle_engine_register(heddle_engine* engine,
                                                    const heddle_operator* op);
/* An error to return; the message is copied. `code` is a heddle_code: HEDDLE_OK gives NULL, one
 * that is not known HEDDLE_INTERNAL. */
HEDDLE_EXPORT heddle_status* heddle_status_create(int32_t code, const char* message);

#ifdef __cplusplus
}
#endif
#endif /* HEDDLE_C_CUSTOM_H_ */
