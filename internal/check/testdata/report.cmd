::error file=dir/a b.yaml,line=7,title=scope.missing::100%25 <missing>, "said" a & b. Ask: now. (POST /beta/x/assign (1), /token/scopes)
::warning file=dir/a b.yaml,line=30,title=target.broad::everybody%0Aand [31mmore. (PATCH /beta/x/1 (2), /request/body/target)
::error file=b.har,line=1,title=PolicyUnavailable::evaluation took too long
