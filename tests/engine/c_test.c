/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface as a C program sees it. */
#include "heddle/c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "heddle/c_custom.h"

static void check_ok(heddle_status* status, int line) {
  if (status == NULL) return;
  printf("line %d: %s: %s\n", line, heddle_code_name(heddle_status_code(status)),
         heddle_status_message(status));
  heddle_status_free(status);
  ++failures;
}
#define OK(call) check_ok((call), __LINE__)

static void check_fails(heddle_status* status, heddle_code code, int line) {
  if (heddle_status_code(status) != code) {
    printf("line %d: %s, expected %s\n", line, heddle_code_name(heddle_status_code(status)),
           heddle_code_name(code));
    ++failures;
  }
  heddle_status_free(status);
}
#define FAILS(call, code) check_fails((call), (code), __LINE__)

/* An error of the caller's that names what is missing. */
static void check_names(heddle_status* status, const char* name, int line) {
  if (heddle_status_code(status) != HEDDLE_INVALID_ARGUMENT ||
      strstr(heddle_status_message(status), name) == NULL) {
    printf("line %d: %s '%s', expected one that names %s\n", line,
           heddle_code_name(heddle_status_code(status)), heddle_status_message(status), name);
    ++failures;
  }
  heddle_status_free(status);
}
#define NAMES(call, name) check_names((call), (name), __LINE__)

static void count_step(void* arg, const heddle_step_time* time) {
  if (time->ns > 0 && time->name[0] != 0 && time->kernel[0] != 0 && time->rank > 0) ++*(size_t*)arg;
}

static void profile(heddle_model* model, const heddle_tensor* input) {
  size_t count = 0;
  OK(heddle_model_profile(model, input, 1, count_step, &count));
  CHECK(count > 4);
}

/* NULL where a value belongs is an error, and nothing to free is no error. */
static void refuse_null(heddle_engine* engine, heddle_model* model, heddle_outputs* outputs,
                        heddle_session* session) {
  heddle_model* none = NULL;
  heddle_tensor out;
  heddle_tensor_info info;
  size_t count = 0;
  memset(&out, 0, sizeof out);
  memset(&info, 0, sizeof info);
  NAMES(heddle_engine_create(NULL, NULL), "out");
  NAMES(heddle_model_load(NULL, "x", NULL, &none), "engine");
  NAMES(heddle_model_load(engine, NULL, NULL, &none), "path");
  NAMES(heddle_model_load(engine, "x", NULL, NULL), "out");
  NAMES(heddle_model_load_bytes(NULL, "x", 1, NULL, &none), "engine");
  NAMES(heddle_model_load_bytes(engine, NULL, 1, NULL, &none), "data");
  NAMES(heddle_model_load_bytes(engine, "x", 1, NULL, NULL), "out");
  NAMES(heddle_model_input_count(NULL, NULL, &count), "model");
  NAMES(heddle_model_input_count(model, NULL, NULL), "out");
  NAMES(heddle_model_output_count(NULL, NULL, &count), "model");
  NAMES(heddle_model_output_count(model, NULL, NULL), "out");
  NAMES(heddle_model_input(NULL, NULL, 0, &info), "model");
  NAMES(heddle_model_input(model, NULL, 0, NULL), "out");
  NAMES(heddle_model_input(model, NULL, 0, &info), "struct_size");
  NAMES(heddle_model_output(NULL, NULL, 0, &info), "model");
  NAMES(heddle_model_output(model, NULL, 0, NULL), "out");
  NAMES(heddle_model_warm(NULL, NULL, 0, 1), "model");
  NAMES(heddle_model_profile(NULL, NULL, 0, count_step, &count), "model");
  NAMES(heddle_model_profile(model, NULL, 0, NULL, NULL), "step");
  NAMES(heddle_model_run(NULL, NULL, 0, NULL, 0, NULL, NULL), "model");
  NAMES(heddle_model_run(model, NULL, 1, NULL, 0, NULL, NULL), "none are given");
  NAMES(heddle_outputs_get(NULL, 0, &out), "outputs");
  NAMES(heddle_outputs_get(outputs, 0, NULL), "out");
  NAMES(heddle_outputs_get(outputs, 0, &out), "struct_size");
  NAMES(heddle_outputs_find(NULL, "x", &out), "outputs");
  NAMES(heddle_outputs_find(outputs, NULL, &out), "name");
  NAMES(heddle_outputs_find(outputs, "x", NULL), "out");
  NAMES(heddle_session_create(NULL, &session), "model");
  NAMES(heddle_session_create(model, NULL), "out");
  NAMES(heddle_session_reset(NULL), "session");
  NAMES(heddle_session_save(NULL, NULL, &count), "session");
  NAMES(heddle_session_save(session, NULL, NULL), "bytes");
  NAMES(heddle_session_restore(NULL, "x", 1), "session");
  NAMES(heddle_session_restore(session, NULL, 1), "data");
  NAMES(heddle_session_clone(NULL, &session), "session");
  NAMES(heddle_session_clone(session, NULL), "out");
  NAMES(heddle_cancel_create(NULL), "out");
}

static void null_has_no_value(void) {
  CHECK(heddle_status_code(NULL) == HEDDLE_OK);
  CHECK(strcmp(heddle_status_message(NULL), "") == 0);
  CHECK(heddle_model_ref(NULL) == NULL);
  CHECK(heddle_model_isa(NULL) == NULL);
  CHECK(heddle_model_weights_bytes(NULL) == 0);
  CHECK(heddle_model_arena_bytes(NULL) == 0);
  CHECK(heddle_model_signature_count(NULL) == 0);
  CHECK(heddle_model_signature_name(NULL, 0) == NULL);
  CHECK(heddle_outputs_count(NULL) == 0);
  heddle_cancel_set(NULL);
  heddle_status_free(NULL);
  heddle_engine_free(NULL);
  heddle_model_free(NULL);
  heddle_outputs_free(NULL);
  heddle_session_free(NULL);
  heddle_cancel_free(NULL);
}

static heddle_status* no_shapes(const void* self, const heddle_node* node, heddle_shape* outputs) {
  (void)self, (void)node, (void)outputs;
  return heddle_status_create(HEDDLE_UNSUPPORTED, "not today");
}

static void register_operator(heddle_engine* engine) {
  heddle_operator op;
  memset(&op, 0, sizeof op);
  op.struct_size = sizeof op;
  op.name = "Example";
  op.shapes = no_shapes;
  NAMES(heddle_engine_register(NULL, &op), "engine");
  NAMES(heddle_engine_register(engine, NULL), "op");
  NAMES(heddle_engine_register(engine, &op), "neither tile nor run");
  CHECK(heddle_status_create(HEDDLE_OK, "fine") == NULL);
  FAILS(no_shapes(NULL, NULL, NULL), HEDDLE_UNSUPPORTED);
}

static void use_session(heddle_model* model) {
  heddle_session* session = NULL;
  heddle_session* copy = NULL;
  OK(heddle_session_create(model, &session));
  size_t bytes = 0;
  OK(heddle_session_save(session, NULL, &bytes));
  CHECK(bytes > 0 && bytes < 4096);
  unsigned char saved[4096];
  size_t room = bytes - 1;
  FAILS(heddle_session_save(session, saved, &room), HEDDLE_INVALID_ARGUMENT);
  CHECK(room == bytes);
  OK(heddle_session_save(session, saved, &room));
  OK(heddle_session_clone(session, &copy));
  OK(heddle_session_restore(copy, saved, bytes));
  FAILS(heddle_session_restore(copy, saved, bytes - 1), HEDDLE_INVALID_ARGUMENT);
  OK(heddle_session_reset(session));
  heddle_session_free(session);
  heddle_session_free(copy);
}

static void refuse_options(heddle_model* model, const heddle_tensor* in, heddle_tensor* out) {
  heddle_run_options options;
  memset(&options, 0, sizeof options);
  FAILS(heddle_model_run(model, in, 1, out, 1, &options, NULL),
        HEDDLE_INVALID_ARGUMENT); /* no struct_size */
  options.struct_size = sizeof options;
  options.deadline_ns = 1;
  FAILS(heddle_model_run(model, in, 1, out, 1, &options, NULL), HEDDLE_DEADLINE_EXCEEDED);
}

/* By the names of its signature, which gives what the main graph gives. */
static void run_signature(heddle_model* model, heddle_tensor in, heddle_tensor out,
                          const float* expected) {
  const char* name = heddle_model_signature_name(model, 0);
  CHECK(heddle_model_signature_count(model) == 1 && name != NULL);
  CHECK(heddle_model_signature_name(model, 1) == NULL);
  heddle_run_options options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.signature = name;
  heddle_tensor_info input, output;
  memset(&input, 0, sizeof input);
  memset(&output, 0, sizeof output);
  input.struct_size = output.struct_size = sizeof input;
  OK(heddle_model_input(model, name, 0, &input));
  OK(heddle_model_output(model, name, 0, &output));
  float digits[10];
  in.name = input.name;
  out.name = output.name;
  out.data = digits;
  out.bytes = sizeof digits;
  OK(heddle_model_run(model, &in, 1, &out, 1, &options, NULL));
  CHECK(memcmp(expected, digits, sizeof digits) == 0);
  options.signature = "none such";
  FAILS(heddle_model_run(model, &in, 1, &out, 1, &options, NULL), HEDDLE_NOT_FOUND);
}

static void run_model(heddle_engine* engine, const char* path) {
  heddle_model* model = NULL;
  OK(heddle_model_load(engine, path, NULL, &model));
  if (model == NULL) return;
  size_t count = 0;
  OK(heddle_model_input_count(model, NULL, &count));
  CHECK(count == 1);
  heddle_tensor_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  OK(heddle_model_input(model, NULL, 0, &info));
  CHECK(info.rank > 0 && info.type == HEDDLE_FLOAT32);
  FAILS(heddle_model_input(model, NULL, 1, &info), HEDDLE_NOT_FOUND);
  float pixels[64];
  memset(pixels, 0, sizeof pixels);
  heddle_tensor in;
  memset(&in, 0, sizeof in);
  in.struct_size = sizeof in;
  in.type = HEDDLE_FLOAT32;
  in.rank = HEDDLE_SHAPE_OF_MODEL;
  in.data = pixels;
  in.bytes = sizeof pixels;

  heddle_outputs* outputs = NULL;
  OK(heddle_model_run(model, &in, 1, NULL, 0, NULL, &outputs));
  CHECK(heddle_outputs_count(outputs) == 1);
  heddle_tensor out;
  memset(&out, 0, sizeof out);
  out.struct_size = sizeof out;
  OK(heddle_outputs_get(outputs, 0, &out));
  CHECK(out.bytes == 10 * sizeof(float));
  float first[10];
  memcpy(first, out.data, sizeof first);
  FAILS(heddle_outputs_get(outputs, 1, &out), HEDDLE_NOT_FOUND);
  heddle_session* session = NULL;
  OK(heddle_session_create(model, &session));
  refuse_null(engine, model, outputs, session);
  heddle_session_free(session);
  heddle_outputs_free(outputs);

  /* More callers than any machine has memory for: refused before any is taken. */
  FAILS(heddle_model_warm(model, NULL, 0, 1000000000), HEDDLE_RESOURCE_EXHAUSTED);
  OK(heddle_model_warm(model, NULL, 0, 2));
  profile(model, &in);

  float mine[10];
  out.name = NULL;
  out.data = mine;
  out.bytes = sizeof mine;
  OK(heddle_model_run(model, &in, 1, &out, 1, NULL, NULL));
  CHECK(memcmp(first, mine, sizeof mine) == 0);

  run_signature(model, in, out, first);
  refuse_options(model, &in, &out);
  use_session(model);
  heddle_model* second = heddle_model_ref(model);
  heddle_model_free(model);
  OK(heddle_model_run(second, &in, 1, &out, 1, NULL, NULL));
  heddle_model_free(second);
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  CHECK(strlen(heddle_version()) > 0);
  CHECK(strcmp(heddle_type_name(HEDDLE_INT8), "int8") == 0);
  CHECK(heddle_type_bits(HEDDLE_INT4) == 4);
  null_has_no_value();
  heddle_engine* engine = NULL;
  OK(heddle_engine_create(NULL, &engine));
  heddle_model* none = NULL;
  FAILS(heddle_model_load(engine, "/nowhere/at.all", NULL, &none), HEDDLE_NOT_FOUND);
  FAILS(heddle_model_load_bytes(engine, "nonsense", 8, NULL, &none), HEDDLE_INVALID_MODEL);
  register_operator(engine);
  run_model(engine, argv[1]);
  heddle_engine_free(engine);
  printf(failures == 0 ? "c_test: all hold\n" : "c_test: %d failures\n", failures);
  return failures != 0;
}
